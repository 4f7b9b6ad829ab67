#include "../../modules/payments/src/features.cc"
