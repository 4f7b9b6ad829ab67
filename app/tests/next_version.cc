#include "../src/version.cc"
