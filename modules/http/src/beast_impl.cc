// Beast is compiled once, here (BOOST_BEAST_SEPARATE_COMPILATION).
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <boost/beast/src.hpp>
