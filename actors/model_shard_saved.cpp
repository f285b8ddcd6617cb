// What a ModelShard moves with.
#include "actors/model_shard.hpp"

namespace omma {

void ModelShard::save(ModelShardState::Builder out) const {
  out.setInputWidth(static_cast<std::uint32_t>(network_.input_width));
  out.setInputHeight(static_cast<std::uint32_t>(network_.input_height));
  auto classes = out.initClasses(static_cast<unsigned>(network_.classes.size()));
  for (unsigned i = 0; i < classes.size(); ++i) classes.set(i, network_.classes[i]);
  out.setScoreRecommended(network_.score_recommended);
  out.setFailure(failure_);
  auto streams = out.initStreams(static_cast<unsigned>(streams_.size()));
  unsigned i = 0;
  for (const auto& [router, stream] : streams_) {
    auto to = streams[i++];
    to.setRouter(stream.demand.router.as<RouterConfig>());
    to.setFramesPerSecondMax(stream.demand.frames_per_second_max);
    to.setMotionThreshold(stream.demand.motion_threshold);
    stream.end.save(to.initEnd());
  }
}

Result<void> ModelShard::load(ModelShardState::Reader in) {
  network_.input_width = static_cast<int>(in.getInputWidth());
  network_.input_height = static_cast<int>(in.getInputHeight());
  for (const auto name : in.getClasses()) network_.classes.emplace_back(name);
  network_.score_recommended = in.getScoreRecommended();
  failure_ = in.getFailure();
  for (const auto from : in.getStreams()) {
    Stream& stream = streams_[Turn::stage_ref_of<StreamRouter>(from.getRouter()).id];
    stream.demand.router = Message::copy_of<RouterConfig>(from.getRouter());
    stream.demand.frames_per_second_max = from.getFramesPerSecondMax();
    stream.demand.motion_threshold = from.getMotionThreshold();
    stream.end.load(from.getEnd());
  }
  return {};
}

}  // namespace omma
