// ClusterFile: which nodes there are and which cameras they own, read from a YAML file that a
// person writes. clusters/demo.yaml shows and explains every key.
//
// Reading is strict: whatever the file says is meant, so an unknown key, a wrong type or unit, a
// doubled name or a reference to nothing is an Error "file:line:column: ..." with what to do.
// Plain values; pure apart from reading the file.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/time.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

struct NodeSpec {
  // Mutual TLS for TCP: PEM files.
  struct Tls {
    std::filesystem::path authority;
    std::filesystem::path certificate;
    std::filesystem::path key;
  };
  struct Executors {
    unsigned compute_threads = 1;  // Inference.
    unsigned io_threads = 1;       // Reading and decoding video, encoding, files.
  };

  std::string name;
  std::string listen_address;                            // "unix:/path" or "host:port".
  std::vector<std::string> roles;                        // Of known_roles(), at least one.
  std::vector<std::filesystem::path> model_folders;      // Its own, else the cluster's.
  std::vector<std::filesystem::path> app_modules;        // Files or folders; likewise.
  std::filesystem::path data_folder;                     // Absolute, no other node's.
  std::filesystem::path history_file;                    // For a checker; empty: none is written.
  std::string metrics_address;                           // "host:port"; empty: not served.
  std::size_t actors_max = limits::actors_per_node_max;  // Then it takes no more.
  Executors executors;
  std::optional<Tls> tls;
};

struct CameraSpec {
  enum class Mode : std::uint8_t { live, every_frame };
  enum class Pace : std::uint8_t { by_timestamps, as_fast_as_possible };
  // In pixels of the source's picture.
  struct Window {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
  };

  std::string name;
  std::string node;    // Has the role "camera".
  std::string source;  // Absolute path, "rtsp://host/path", "synthetic:...".
  Mode mode = Mode::live;
  Pace pace = Pace::by_timestamps;
  std::optional<Window> window;
  std::optional<std::uint64_t> frames_max;  // Ends after so many.
  bool durable = false;                     // No crash loses or repeats a frame of it.
};

struct ClusterFile {
  std::string name;
  std::string head_node;  // The one with the role "head".
  Duration stage_linger = limits::stage_linger;
  Duration lease = limits::lease_ttl;  // See protocol/lease.hpp.
  bool trace = true;                   // Nodes remember the hops of frames.
  std::vector<std::filesystem::path> model_folders;
  std::vector<std::filesystem::path> app_modules;
  std::vector<NodeSpec> nodes;      // As in the file.
  std::vector<CameraSpec> cameras;  // As in the file.

  // nullptr when there is none.
  const NodeSpec* find_node(std::string_view wanted) const;
  const CameraSpec* find_camera(std::string_view wanted) const;
};

// "head", "camera", "cloud".
const std::vector<std::string>& known_roles();

// What ${name} stands for.
using ClusterVariables = std::map<std::string, std::string>;

// Adds ${cluster_dir}, the file's folder, to `variables`. not_found when there is no such file,
// over_limit past limits::cluster_file_bytes_max, invalid_argument for what is wrong inside.
Result<ClusterFile> read_cluster_file(const std::filesystem::path& file,
                                      ClusterVariables variables);
// As above, from text; `file_name` is for the messages.
Result<ClusterFile> parse_cluster_file(const std::string& text, const std::string& file_name,
                                       const ClusterVariables& variables);

}  // namespace omma
