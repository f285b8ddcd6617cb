// A made-up street: textured upright boxes the size of people walk over a textured background, and
// the truth about every frame is known to the pixel. It stands in for real video wherever a test or
// a demo has to know the right answer.
//
// The same options give the same pixels, bit for bit, on every machine; any frame can be made
// without those before it. Immutable after construction, so safe from any thread.
#pragma once

#include "kernels/box.hpp"
#include "kernels/picture.hpp"
#include "runtime/base/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

struct SceneOptions {
  std::uint64_t seed = 1;
  int width = 640;
  int height = 360;
  int objects = 8;
  std::uint64_t frames = 250;
  int frames_per_second = 25;

  // "synthetic:people?seed=7&frames=300&width=640&height=360&fps=25&objects=8", every parameter
  // optional. invalid_argument names the parameter and what it may be; over_limit as said there.
  static Result<SceneOptions> from_url(std::string_view url);
};

// True for "synthetic:...".
bool is_synthetic_url(std::string_view url);

struct TruthBox {
  std::uint32_t id = 0;  // Of the object, from 0, the same in every frame.
  kernels::Box box;      // Whole pixels, inside the picture.
  std::string label;     // "person".
  float visible = 1;     // Share of the box's pixels that no nearer object hides.
};

class SyntheticScene {
 public:
  // Options must be within their limits, as from_url() makes sure.
  explicit SyntheticScene(const SceneOptions& options);

  const SceneOptions& options() const { return options_; }
  // `out` is options().width x height, 3 channels.
  void render(std::uint64_t sequence, kernels::MutableImageView out) const;
  // By id. Hidden objects are listed with visible = 0.
  std::vector<TruthBox> truth(std::uint64_t sequence) const;

 private:
  // Positions and speeds are in 1/256 pixel: whole numbers repeat exactly everywhere.
  struct Walker {
    int width = 0;
    int height = 0;
    std::int64_t x = 0;  // Phase of a walk to and fro between the picture's sides.
    std::int64_t y = 0;
    std::int64_t x_speed = 0;  // A frame.
    std::int64_t y_speed = 0;
    std::array<std::uint8_t, 3> coat{};
    std::array<std::uint8_t, 3> legs{};
    std::uint64_t texture = 0;
  };
  struct Rectangle {
    int x1, y1, x2, y2;
  };

  Rectangle place_of(const Walker& walker, std::uint64_t sequence) const;
  // Ids with their places, the farthest (smallest bottom edge) first.
  std::vector<std::pair<std::uint32_t, Rectangle>> farthest_first(std::uint64_t sequence) const;
  static void draw(const Walker& walker, const Rectangle& place, kernels::MutableImageView out);

  const SceneOptions options_;
  std::vector<std::uint8_t> background_;
  std::vector<Walker> walkers_;
};

}  // namespace omma
