// Boost.URL is compiled once, here: Debian's headers are enough.
#include <boost/url/src.hpp>
