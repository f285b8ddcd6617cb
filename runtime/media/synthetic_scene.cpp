#include "runtime/media/synthetic_scene.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/media/picture.hpp"

namespace omma {
namespace {

constexpr std::string_view scheme = "synthetic:";
constexpr std::string_view scene_name = "people";
constexpr int side_min = 32;
constexpr std::int64_t subpixels = 256;

// A number from a place and a seed, without state: texture that moves with its object.
std::uint64_t noise(std::uint64_t seed, int x, int y) {
  SeededRandom random(seed ^ static_cast<std::uint64_t>(static_cast<std::uint32_t>(x)) << 32 ^
                      static_cast<std::uint64_t>(static_cast<std::uint32_t>(y)));
  return random.next();
}

int noise_between(std::uint64_t seed, int x, int y, int low, int high) {
  return low + static_cast<int>(noise(seed, x, y) % static_cast<std::uint64_t>(high - low + 1));
}

std::uint8_t clamp_byte(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

// Bilinear between the corners of cells of this many pixels: soft patches.
int patches(std::uint64_t seed, int x, int y, int cell, int depth) {
  const int cx = x / cell, cy = y / cell, fx = x % cell, fy = y % cell;
  const auto corner = [&](int dx, int dy) {
    return noise_between(seed, cx + dx, cy + dy, -depth, depth);
  };
  const int top = corner(0, 0) * (cell - fx) + corner(1, 0) * fx;
  const int bottom = corner(0, 1) * (cell - fx) + corner(1, 1) * fx;
  return (top * (cell - fy) + bottom * fy) / (cell * cell);
}

// To and fro between 0 and `span`, in subpixels, from a phase that only grows.
std::int64_t to_and_fro(std::int64_t phase, std::int64_t span) {
  if (span <= 0) return 0;
  const std::int64_t at = ((phase % (2 * span)) + 2 * span) % (2 * span);
  return at < span ? at : 2 * span - at;
}

std::array<std::uint8_t, 3> draw_colour(Random& random, int low, int high) {
  const auto channel = [&] {
    return static_cast<std::uint8_t>(
        low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low))));
  };
  const std::uint8_t blue = channel(), green = channel(), red = channel();
  return {blue, green, red};
}

Error bad_parameter(std::string_view url, const std::string& why) {
  return {Code::invalid_argument, "scene " + std::string(url) + ": " + why};
}

Result<void> set_parameter(SceneOptions& options, std::string_view url, std::string_view pair) {
  const std::size_t equals = pair.find('=');
  const std::string_view key = pair.substr(0, equals);
  const std::string_view text =
      equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return bad_parameter(url, "'" + std::string(pair) + "' is not name=whole number");
  }
  const auto set_int = [&](int& target, std::uint64_t low, std::uint64_t high) -> Result<void> {
    if (value < low || value > high) {
      return bad_parameter(url, std::string(key) + " is " + std::to_string(value) + ", must be " +
                                    std::to_string(low) + " to " + std::to_string(high));
    }
    target = static_cast<int>(value);
    return {};
  };
  if (key == "seed") return options.seed = value, Result<void>();
  if (key == "frames") return options.frames = value, Result<void>();
  if (key == "width") return set_int(options.width, side_min, limits::frame_width_max);
  if (key == "height") return set_int(options.height, side_min, limits::frame_height_max);
  if (key == "fps") return set_int(options.frames_per_second, 1, 1000);
  if (key == "objects") return set_int(options.objects, 0, limits::scene_objects_max);
  return bad_parameter(url, "no parameter '" + std::string(key) +
                                "'; there are seed, frames, width, height, fps, objects");
}

}  // namespace

bool is_synthetic_url(std::string_view url) {
  return url.starts_with(scheme);
}

Result<SceneOptions> SceneOptions::from_url(std::string_view url) {
  if (!is_synthetic_url(url)) return bad_parameter(url, "does not start with synthetic:");
  const std::string_view rest = url.substr(scheme.size());
  const std::size_t question = rest.find('?');
  if (rest.substr(0, question) != scene_name) {
    return bad_parameter(url, "no such scene; there is synthetic:people");
  }
  SceneOptions options;
  std::string_view pairs =
      question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  while (!pairs.empty()) {
    const std::size_t end = std::min(pairs.find('&'), pairs.size());
    if (auto set = set_parameter(options, url, pairs.substr(0, end)); !set) return set.error();
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
  }
  const auto size = picture_bytes("scene " + std::string(url), options.width, options.height);
  if (!size) return size.error();
  return options;
}

SyntheticScene::SyntheticScene(const SceneOptions& options) : options_(options) {
  OMMA_CHECK(options.width >= side_min && options.height >= side_min, options.width,
             options.height);
  SeededRandom random(options.seed);
  const std::uint64_t ground = random.next();
  background_.resize(static_cast<std::size_t>(options.width) *
                     static_cast<std::size_t>(options.height) * 3);
  std::uint8_t* out = background_.data();
  for (int y = 0; y < options.height; ++y) {
    for (int x = 0; x < options.width; ++x) {
      // Grey pavement: large stains, small patches and grain.
      const int light = 128 + patches(ground, x, y, 64, 28) + patches(ground + 1, x, y, 12, 12) +
                        noise_between(ground + 2, x, y, -4, 4);
      *out++ = clamp_byte(light + 4);
      *out++ = clamp_byte(light);
      *out++ = clamp_byte(light - 6);
    }
  }
  for (int i = 0; i < options.objects; ++i) {
    Walker walker;
    const auto part = [&](int low_percent, int high_percent) {
      const auto range = static_cast<std::uint64_t>(high_percent - low_percent + 1);
      return options.height * (low_percent + static_cast<int>(random.below(range))) / 100;
    };
    walker.height = std::max(part(16, 30), 8);
    walker.width = std::clamp(walker.height * 2 / 5, 4, options.width);
    const auto phase = [&](int side, int size) {
      return static_cast<std::int64_t>(
          random.below(static_cast<std::uint64_t>(std::max(side - size, 1)) * 2 * subpixels));
    };
    walker.x = phase(options.width, walker.width);
    walker.y = phase(options.height, walker.height);
    // A person crosses its own width in about 0.4 to 1.2 s, and comes nearer more slowly.
    const std::int64_t stride = std::int64_t{walker.width} * subpixels / options.frames_per_second;
    walker.x_speed = stride * static_cast<std::int64_t>(80 + random.below(170)) / 100;
    walker.y_speed = stride * static_cast<std::int64_t>(random.below(40)) / 100;
    walker.coat = draw_colour(random, 20, 236);
    walker.legs = draw_colour(random, 16, 96);
    walker.texture = random.next();
    walkers_.push_back(walker);
  }
}

SyntheticScene::Rectangle SyntheticScene::place_of(const Walker& walker,
                                                   std::uint64_t sequence) const {
  const auto at = [&](std::int64_t phase, std::int64_t speed, int side, int size) {
    const std::int64_t span = std::int64_t{side - size} * subpixels;
    // The remainder first, so that no sequence overflows.
    const std::int64_t travelled =
        span <= 0
            ? 0
            : static_cast<std::int64_t>(sequence % (2 * static_cast<std::uint64_t>(span))) * speed;
    return static_cast<int>(to_and_fro(phase + travelled, span) / subpixels);
  };
  const int x = at(walker.x, walker.x_speed, options_.width, walker.width);
  const int y = at(walker.y, walker.y_speed, options_.height, walker.height);
  return {x, y, x + walker.width, y + walker.height};
}

std::vector<std::pair<std::uint32_t, SyntheticScene::Rectangle>> SyntheticScene::farthest_first(
    std::uint64_t sequence) const {
  std::vector<std::pair<std::uint32_t, Rectangle>> placed;
  for (const Walker& walker : walkers_) {
    placed.emplace_back(static_cast<std::uint32_t>(placed.size()), place_of(walker, sequence));
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.second.y2 < b.second.y2; });
  return placed;
}

// A head, a coat and legs, each with its grain; the whole box is covered.
void SyntheticScene::draw(const Walker& walker, const Rectangle& place,
                          kernels::MutableImageView out) {
  constexpr std::array<std::uint8_t, 3> skin = {120, 150, 200};
  for (int y = place.y1; y < place.y2; ++y) {
    const int v = y - place.y1;
    std::uint8_t* pixel = out.row(y) + std::ptrdiff_t{place.x1} * 3;
    for (int u = 0; u < walker.width; ++u, pixel += 3) {
      const bool head = v * 6 < walker.height && u * 4 >= walker.width && u * 4 < walker.width * 3;
      const auto& colour = head ? skin : v * 2 < walker.height ? walker.coat : walker.legs;
      const int grain = noise_between(walker.texture, u / 3, v / 3, -18, 18);
      const int outline = u == 0 || u == walker.width - 1 || v == 0 ? -30 : 0;
      for (std::size_t c = 0; c < 3; ++c) pixel[c] = clamp_byte(colour[c] + grain + outline);
    }
  }
}

void SyntheticScene::render(std::uint64_t sequence, kernels::MutableImageView out) const {
  OMMA_CHECK(out.width == options_.width && out.height == options_.height && out.channels == 3,
             out.width, out.height, out.channels);
  const auto row_bytes = static_cast<std::size_t>(options_.width) * 3;
  for (int y = 0; y < options_.height; ++y) {
    std::memcpy(out.row(y), background_.data() + static_cast<std::size_t>(y) * row_bytes,
                row_bytes);
  }
  for (const auto& [id, place] : farthest_first(sequence)) draw(walkers_[id], place, out);
}

std::vector<TruthBox> SyntheticScene::truth(std::uint64_t sequence) const {
  const auto placed = farthest_first(sequence);
  std::vector<TruthBox> boxes(placed.size());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const auto& [id, place] = placed[i];
    std::vector<bool> hidden(static_cast<std::size_t>(place.x2 - place.x1));
    std::int64_t seen = 0;
    for (int y = place.y1; y < place.y2; ++y) {
      hidden.assign(hidden.size(), false);
      for (std::size_t nearer = i + 1; nearer < placed.size(); ++nearer) {
        const Rectangle& other = placed[nearer].second;
        if (y < other.y1 || y >= other.y2) continue;
        for (int x = std::max(place.x1, other.x1); x < std::min(place.x2, other.x2); ++x) {
          hidden[static_cast<std::size_t>(x - place.x1)] = true;
        }
      }
      seen += std::count(hidden.begin(), hidden.end(), false);
    }
    const auto all = static_cast<float>((place.x2 - place.x1) * (place.y2 - place.y1));
    boxes[id] = {id,
                 {static_cast<float>(place.x1), static_cast<float>(place.y1),
                  static_cast<float>(place.x2), static_cast<float>(place.y2)},
                 "person",
                 static_cast<float>(seen) / all};
  }
  return boxes;
}

}  // namespace omma
