#pragma once
// Says which file it was when memory that stands for a file cannot be read: the disk failed, or the file is
// shorter than what is inside it says. The kernel tells a process by SIGBUS; without this the process ends
// without a word.
//
// Threading: call once, before the threads; it holds for the whole process. Errors: none. The process still
// ends by the signal, so that a supervisor and a core dump see what happened.

namespace kontor {

void report_mapped_faults();

}  // namespace kontor
