#include "runtime/placement/cluster_file.hpp"

#include "runtime/base/nearest_name.hpp"
#include "runtime/placement/strict_yaml.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <limits>
#include <set>

namespace omma {
namespace {

const std::vector<std::string> cluster_keys = {"cluster", "head", "linger", "lease",  "trace",
                                               "models",  "apps", "nodes",  "cameras"};
const std::vector<std::string> node_keys = {
    "name",       "listen",     "roles",   "data",    "models", "apps", "compute_threads",
    "io_threads", "actors_max", "history", "metrics", "tls"};
const std::vector<std::string> tls_keys = {"authority", "certificate", "key"};
const std::vector<std::string> camera_keys = {"name", "node",   "source",     "mode",
                                              "pace", "window", "frames_max", "durable"};
const std::vector<std::string> window_keys = {"x", "y", "width", "height"};
// In the order of their enumerators.
const std::vector<std::string> mode_names = {"live", "every_frame"};
const std::vector<std::string> pace_names = {"by_timestamps", "as_fast_as_possible"};

constexpr std::string_view unix_prefix = "unix:";

bool is_unix(const std::string& address) {
  return address.starts_with(unix_prefix);
}

bool contains(const std::vector<std::string>& names, std::string_view wanted) {
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

// "10.0.0.7:4400", "[::1]:4400", "*:4400": peers must know the port, so 0 will not do.
bool is_tcp_address(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string host = address.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (host.find_first_of(":/ ") != std::string::npos && !bracketed) return false;
  unsigned port = 0;
  const char* const end = address.data() + address.size();
  const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
  return parsed.ec == std::errc() && parsed.ptr == end && port >= 1 && port <= 65'535;
}

// "rtsp://host/path", "synthetic:people?seed=7": begins with a scheme (RFC 3986, 3.1).
bool has_scheme(const std::string& source) {
  const std::size_t end = source.find(':');
  if (end == std::string::npos || end < 2) return false;
  return source.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+.-") == end;
}

class ClusterReader {
 public:
  ClusterReader(const std::string& file_name, const ClusterVariables& variables)
      : file_(file_name, variables) {}

  Result<ClusterFile> read(const std::string& text);

 private:
  void read_lease(const YamlMap& top);
  void read_nodes(const YamlMap& top);
  NodeSpec read_node(const YAML::Node& node, std::size_t index);
  std::string read_address(const YamlMap& map);
  std::string read_metrics_address(const YamlMap& map);
  std::vector<std::string> read_roles(const YamlMap& map);
  std::optional<NodeSpec::Tls> read_tls(const YamlMap& map, const NodeSpec& node);
  void check_head(const YamlMap& top);
  void check_tls_everywhere(const YamlMap& top);
  void read_cameras(const YamlMap& top);
  CameraSpec read_camera(const YAML::Node& node, std::size_t index);
  std::string read_camera_node(const YamlMap& map);
  CameraSpec::Window read_window(const YamlMap& map);

  // A name that is fit for a file name and a command line.
  std::string read_name(const YamlMap& map, const std::string& key);
  std::filesystem::path read_path(const YamlMap& map, const std::string& key);
  std::vector<std::filesystem::path> read_paths(const YamlMap& map, const std::string& key);
  void check_absolute(const YAML::Mark& place, const std::string& path);
  // Fails at `key` when it was taken by somebody else before.
  void claim(std::map<std::string, std::string>& taken, const YamlMap& map, const std::string& key,
             const std::string& value, const std::string& owner);

  YamlFile file_;
  ClusterFile cluster_;
  std::map<std::string, std::string> node_names_, addresses_, data_folders_, camera_names_;
};

// "node 'cloud'", or "node 3" while it has no name.
std::string title_of(const std::string& kind, const YAML::Node& node, std::size_t index) {
  if (node.IsMap()) {
    const YAML::Node name = node["name"];
    if (name && name.IsScalar()) return kind + " '" + name.Scalar() + "'";
  }
  return kind + " " + std::to_string(index + 1);
}

Result<ClusterFile> ClusterReader::read(const std::string& text) {
  const YAML::Node root = file_.parse(text);
  if (file_.error()) return *file_.error();
  const YamlMap top(file_, root, "cluster file", cluster_keys);
  cluster_.name = read_name(top, "cluster");
  cluster_.head_node = read_name(top, "head");
  if (top.has("linger")) cluster_.stage_linger = top.duration("linger", std::chrono::hours(24));
  if (top.has("lease")) read_lease(top);
  if (top.has("trace")) cluster_.trace = top.choice("trace", {"off", "on"}) == 1;
  if (top.has("models")) cluster_.model_folders = read_paths(top, "models");
  if (top.has("apps")) cluster_.app_modules = read_paths(top, "apps");
  read_nodes(top);
  check_head(top);
  check_tls_everywhere(top);
  if (top.has("cameras")) read_cameras(top);
  if (file_.error()) return *file_.error();
  return std::move(cluster_);
}

void ClusterReader::read_lease(const YamlMap& top) {
  cluster_.lease = top.duration("lease", limits::lease_configured_max);
  if (cluster_.lease >= limits::lease_configured_min || file_.error()) return;
  top.fail("lease",
           "'lease' is " + std::to_string(cluster_.lease / std::chrono::milliseconds(1)) +
               "ms, the shortest allowed is " +
               std::to_string(limits::lease_configured_min / std::chrono::milliseconds(1)) + "ms");
}

// --- Nodes ---------------------------------------------------------------------------------------

void ClusterReader::read_nodes(const YamlMap& top) {
  const std::vector<YAML::Node> nodes = top.items("nodes");
  if (nodes.empty()) top.fail("nodes", "no nodes; name at least one");
  if (nodes.size() > limits::peers_max) {
    top.fail("nodes", std::to_string(nodes.size()) + " nodes, limit " +
                          std::to_string(limits::peers_max) + "; split the cluster");
    return;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    cluster_.nodes.push_back(read_node(nodes[i], i));
  }
}

NodeSpec ClusterReader::read_node(const YAML::Node& node, std::size_t index) {
  const std::string title = title_of("node", node, index);
  const YamlMap map(file_, node, title, node_keys);
  NodeSpec spec;
  spec.name = read_name(map, "name");
  claim(node_names_, map, "name", spec.name, title);
  spec.listen_address = read_address(map);
  claim(addresses_, map, "listen", spec.listen_address, title);
  spec.roles = read_roles(map);
  spec.data_folder = read_path(map, "data");
  if (map.has("history")) spec.history_file = read_path(map, "history");
  if (map.has("metrics")) spec.metrics_address = read_metrics_address(map);
  claim(data_folders_, map, "data", spec.data_folder.string(), title);
  spec.model_folders = map.has("models") ? read_paths(map, "models") : cluster_.model_folders;
  spec.app_modules = map.has("apps") ? read_paths(map, "apps") : cluster_.app_modules;
  const auto threads_of = [&](const std::string& key, unsigned& threads) {
    if (!map.has(key)) return;
    threads = static_cast<unsigned>(map.number(key, 1, limits::executor_threads_max));
  };
  threads_of("compute_threads", spec.executors.compute_threads);
  threads_of("io_threads", spec.executors.io_threads);
  if (map.has("actors_max")) {
    spec.actors_max = map.number("actors_max", 1, limits::actors_per_node_max);
  }
  if (map.has("tls")) spec.tls = read_tls(map, spec);
  return spec;
}

std::string ClusterReader::read_address(const YamlMap& map) {
  const std::string address = map.text("listen");
  if (!is_unix(address)) {
    if (!is_tcp_address(address)) {
      map.fail("listen", "'" + address + "' is no address; write unix:/path or host:port (port " +
                             "1 to 65535)");
    }
    return address;
  }
  const std::string path = address.substr(unix_prefix.size());
  check_absolute(map.place("listen"), path);
  // The kernel's bound, with its final zero.
  constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > path_bytes_max) {
    map.fail("listen", "socket path '" + path + "' of " + std::to_string(path.size()) +
                           " bytes, limit " + std::to_string(path_bytes_max) +
                           "; use a shorter folder");
  }
  return address;
}

// Port 0 turns it off, so that a variable can.
std::string ClusterReader::read_metrics_address(const YamlMap& map) {
  const std::string address = map.text("metrics");
  if (address.ends_with(":0")) return {};
  if (!is_tcp_address(address)) {
    map.fail("metrics", "'" + address + "' is no address; write host:port, port 0 for none");
    return {};
  }
  claim(addresses_, map, "metrics", address, "metrics");
  return address;
}

std::vector<std::string> ClusterReader::read_roles(const YamlMap& map) {
  std::vector<std::string> roles = map.texts("roles");
  if (roles.empty()) map.fail("roles", "no roles; give it at least one of head, camera, cloud");
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const std::string& role = roles[i];
    if (!contains(known_roles(), role)) {
      file_.fail(map.place("roles", i),
                 "unknown role '" + role + "'" + suggestion_for(role, known_roles()));
    }
    if (std::count(roles.begin(), roles.begin() + static_cast<std::ptrdiff_t>(i), role) > 0) {
      file_.fail(map.place("roles", i), "role '" + role + "' a second time; keep one");
    }
  }
  return roles;
}

std::optional<NodeSpec::Tls> ClusterReader::read_tls(const YamlMap& map, const NodeSpec& node) {
  const YamlMap tls(file_, map.node("tls"), "tls of node '" + node.name + "'", tls_keys);
  if (is_unix(node.listen_address)) {
    map.fail("tls", "tls is for host:port addresses and it listens on " + node.listen_address +
                        "; remove tls, file permissions protect the socket");
  }
  return NodeSpec::Tls{read_path(tls, "authority"), read_path(tls, "certificate"),
                       read_path(tls, "key")};
}

void ClusterReader::check_head(const YamlMap& top) {
  std::vector<std::string> names;
  for (const NodeSpec& node : cluster_.nodes) names.push_back(node.name);
  const NodeSpec* const head = cluster_.find_node(cluster_.head_node);
  if (head == nullptr) {
    top.fail("head",
             "no node '" + cluster_.head_node + "'" + suggestion_for(cluster_.head_node, names));
    return;
  }
  for (const NodeSpec& node : cluster_.nodes) {
    if (contains(node.roles, "head") == (&node == head)) continue;
    top.fail("head", &node == head
                         ? "node '" + node.name + "' lacks the role 'head'; add it to its roles"
                         : "'" + head->name + "' is the head, but node '" + node.name +
                               "' has the role 'head' too; remove it there");
  }
}

void ClusterReader::check_tls_everywhere(const YamlMap& top) {
  const NodeSpec* with = nullptr;
  const NodeSpec* without = nullptr;
  std::size_t without_index = 0;
  for (std::size_t i = 0; i < cluster_.nodes.size(); ++i) {
    const NodeSpec& node = cluster_.nodes[i];
    if (is_unix(node.listen_address)) continue;
    if (node.tls) with = &node;
    if (node.tls || without != nullptr) continue;
    without = &node;
    without_index = i;
  }
  if (with == nullptr || without == nullptr) return;
  file_.fail(top.place("nodes", without_index),
             "node '" + without->name + "' has no tls, but node '" + with->name +
                 "' has; give it to all nodes on host:port or to none");
}

// --- Cameras -------------------------------------------------------------------------------------

void ClusterReader::read_cameras(const YamlMap& top) {
  const std::vector<YAML::Node> cameras = top.items("cameras");
  for (std::size_t i = 0; i < cameras.size(); ++i) {
    cluster_.cameras.push_back(read_camera(cameras[i], i));
  }
}

CameraSpec ClusterReader::read_camera(const YAML::Node& node, std::size_t index) {
  const std::string title = title_of("camera", node, index);
  const YamlMap map(file_, node, title, camera_keys);
  CameraSpec spec;
  spec.name = read_name(map, "name");
  claim(camera_names_, map, "name", spec.name, title);
  spec.node = read_camera_node(map);
  spec.source = map.text("source");
  if (!has_scheme(spec.source)) check_absolute(map.place("source"), spec.source);
  if (map.has("mode")) spec.mode = static_cast<CameraSpec::Mode>(map.choice("mode", mode_names));
  if (map.has("pace")) spec.pace = static_cast<CameraSpec::Pace>(map.choice("pace", pace_names));
  if (map.has("frames_max")) {
    // As many as 64 bits of nanoseconds can stamp: no bound in practice.
    spec.frames_max = map.number("frames_max", 1, std::numeric_limits<std::int64_t>::max());
  }
  if (map.has("durable")) spec.durable = map.choice("durable", {"false", "true"}) == 1;
  if (map.has("window")) {
    spec.window =
        read_window(YamlMap(file_, map.node("window"), "window of " + title, window_keys));
  }
  return spec;
}

std::string ClusterReader::read_camera_node(const YamlMap& map) {
  std::string name = map.text("node");
  const NodeSpec* const node = cluster_.find_node(name);
  if (node == nullptr) {
    std::vector<std::string> names;
    for (const NodeSpec& known : cluster_.nodes) names.push_back(known.name);
    map.fail("node", "no node '" + name + "'" + suggestion_for(name, names));
  } else if (!contains(node->roles, "camera")) {
    map.fail("node", "node '" + name + "' lacks the role 'camera'; add it to its roles");
  }
  return name;
}

CameraSpec::Window ClusterReader::read_window(const YamlMap& map) {
  const auto pixels = [&](const std::string& key, int min, int max) {
    return static_cast<int>(
        map.number(key, static_cast<std::uint64_t>(min), static_cast<std::uint64_t>(max)));
  };
  CameraSpec::Window window;
  window.x = pixels("x", 0, limits::frame_width_max - 1);
  window.y = pixels("y", 0, limits::frame_height_max - 1);
  window.width = pixels("width", 1, limits::frame_width_max - window.x);
  window.height = pixels("height", 1, limits::frame_height_max - window.y);
  return window;
}

// --- Values --------------------------------------------------------------------------------------

std::string ClusterReader::read_name(const YamlMap& map, const std::string& key) {
  std::string name = map.text(key);
  const auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!std::all_of(name.begin(), name.end(), allowed)) {
    map.fail(key, "name '" + name + "'; use letters, digits, '-', '_' and '.'");
  }
  if (name.size() > limits::name_bytes_max) {
    map.fail(key, "name of " + std::to_string(name.size()) + " bytes, limit " +
                      std::to_string(limits::name_bytes_max) + "; shorten it");
  }
  return name;
}

void ClusterReader::check_absolute(const YAML::Mark& place, const std::string& path) {
  if (path.starts_with('/')) return;
  file_.fail(place, "path '" + path + "' is relative; begin it with / or ${cluster_dir}/");
}

std::filesystem::path ClusterReader::read_path(const YamlMap& map, const std::string& key) {
  const std::string path = map.text(key);
  check_absolute(map.place(key), path);
  return std::filesystem::path(path).lexically_normal();
}

std::vector<std::filesystem::path> ClusterReader::read_paths(const YamlMap& map,
                                                             const std::string& key) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& path : map.texts(key)) {
    check_absolute(map.place(key, paths.size()), path);
    paths.push_back(std::filesystem::path(path).lexically_normal());
  }
  return paths;
}

void ClusterReader::claim(std::map<std::string, std::string>& taken, const YamlMap& map,
                          const std::string& key, const std::string& value,
                          const std::string& owner) {
  const auto [found, fresh] = taken.emplace(value, owner);
  if (fresh) return;
  map.fail(key, "'" + key + "' is '" + value + "', which " +
                    (found->second == owner ? "an earlier one" : found->second) +
                    " has already; choose another");
}

}  // namespace

const NodeSpec* ClusterFile::find_node(std::string_view wanted) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const NodeSpec& node) { return node.name == wanted; });
  return found == nodes.end() ? nullptr : &*found;
}

const CameraSpec* ClusterFile::find_camera(std::string_view wanted) const {
  const auto found = std::find_if(cameras.begin(), cameras.end(),
                                  [&](const CameraSpec& camera) { return camera.name == wanted; });
  return found == cameras.end() ? nullptr : &*found;
}

const std::vector<std::string>& known_roles() {
  static const std::vector<std::string> roles = {"head", "camera", "cloud"};
  return roles;
}

Result<ClusterFile> read_cluster_file(const std::filesystem::path& file,
                                      ClusterVariables variables) {
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) {
    return Error{Code::not_found,
                 file.string() + ": no such file, or it may not be read; name a cluster file"};
  }
  std::string text(limits::cluster_file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limits::cluster_file_bytes_max) {
    return Error{Code::over_limit, file.string() + ": larger than the limit of " +
                                       std::to_string(limits::cluster_file_bytes_max) +
                                       " bytes; is it a cluster file?"};
  }
  variables["cluster_dir"] = std::filesystem::absolute(file).parent_path().string();
  return parse_cluster_file(text, file.string(), variables);
}

Result<ClusterFile> parse_cluster_file(const std::string& text, const std::string& file_name,
                                       const ClusterVariables& variables) {
  return ClusterReader(file_name, variables).read(text);
}

}  // namespace omma
