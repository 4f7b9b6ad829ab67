#pragma once
// Memory of a string that is not needed any more. Threading: the string's.

#include <string>

namespace kontor {

// Gives the memory back, too. Assigning an empty string or clear() keeps it.
inline void release(std::string& text) {
    std::string().swap(text);
}

}  // namespace kontor
