#include "version.h"

namespace kontor::app {

#ifdef KONTOR_VERSION_FOR_TESTS
const char* const kVersion = KONTOR_VERSION_FOR_TESTS;
#else
const char* const kVersion = KONTOR_VERSION;
#endif

}  // namespace kontor::app
