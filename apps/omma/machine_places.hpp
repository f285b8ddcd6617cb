// Places of a machine, tried out: folders to write in, addresses to listen at. Each trial takes
// away again what it made.
//
// Blocks; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/omma/machine_facts.hpp"

namespace omma {

// The folder, or where it does not exist the nearest one above it that does.
std::filesystem::path nearest_folder(const std::filesystem::path& folder);

FolderFacts try_folder(std::string what, const std::filesystem::path& folder);
// What a commit of the directory costs in this folder: writing over what is allocated, fdatasync.
CommitFacts time_commits(const std::filesystem::path& folder);

// A connection over a new socket in the folder, or over TCP on the loopback interface.
AttemptFacts try_unix_socket(const std::filesystem::path& folder);
AttemptFacts try_loopback();

// "unix:/path" or "host:port", as in a cluster file; "*:port" is any interface.
AddressFacts try_address(const std::string& node, const std::string& address);

}  // namespace omma
