#pragma once
// The command line of `kontor bench`, apart from the others because it is longer than all of them.

#include "commands.h"

namespace CLI {
class App;
}

namespace kontor::app {
// `arguments` must outlive the parsing.
CLI::App* add_bench_command(CLI::App& app, BenchArguments& arguments);
}  // namespace kontor::app
