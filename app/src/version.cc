#include "version.h"

namespace kontor::app {

const char* const kVersion = KONTOR_VERSION;

}  // namespace kontor::app
