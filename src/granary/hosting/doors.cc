#include "granary/hosting/doors.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace granary::hosting {

Result<Doors> ParseDoors(std::string_view mode) {
  if (mode == "rest") return Doors::kRest;
  if (mode == "grpc") return Doors::kGrpc;
  if (mode == "both") return Doors::kBoth;
  return Status(Code::kInvalidArgument,
                fmt::format("mode is '{}', allowed: rest, grpc, both", mode));
}

void AddDoorsWord(CLI::App& app, std::string& mode) {
  app.add_option("mode", mode, "What to serve: rest (default), grpc or both");
}

}  // namespace granary::hosting
