#include "actors/stage_latencies.hpp"

#include <utility>
#include <vector>

namespace omma {
namespace {

void write(Histogram::Builder out, const LatencyHistogram& histogram) {
  const LatencyHistogram::Encoded encoded = histogram.encode();
  out.setShortestNs(encoded.shortest.count());
  out.setLongestNs(encoded.longest.count());
  auto buckets = out.initBuckets(static_cast<unsigned>(encoded.buckets.size()));
  for (unsigned i = 0; i < buckets.size(); ++i) {
    buckets[i].setIndex(encoded.buckets[i].first);
    buckets[i].setCount(encoded.buckets[i].second);
  }
}

Result<LatencyHistogram> read(Histogram::Reader in) {
  std::vector<LatencyHistogram::BucketCount> buckets;
  for (auto bucket : in.getBuckets()) buckets.emplace_back(bucket.getIndex(), bucket.getCount());
  return LatencyHistogram::decode(buckets, Duration(in.getShortestNs()),
                                  Duration(in.getLongestNs()));
}

}  // namespace

void StageLatencies::add(FrameTag::Reader tag, WallTime arrived) {
  std::int64_t left_before = tag.getCaptureNs();
  for (auto hop : tag.getHops()) {
    Stage& stage = stages_[std::string(hop.getStage().cStr())];
    stage.wire.add(Duration(hop.getEnterNs() - left_before));
    stage.compute.add(Duration(hop.getLeaveNs() - hop.getEnterNs()));
    left_before = hop.getLeaveNs();
  }
  stages_["total"].wire.add(Duration(nanoseconds_of(arrived) - tag.getCaptureNs()));
}

void StageLatencies::save(capnp::List<StageLatency>::Builder out) const {
  unsigned i = 0;
  for (const auto& [name, stage] : stages_) {
    auto entry = out[i++];
    entry.setStage(name);
    write(entry.initCompute(), stage.compute);
    write(entry.initWire(), stage.wire);
  }
}

Result<void> StageLatencies::load(capnp::List<StageLatency>::Reader in) {
  std::map<std::string, Stage> stages;
  for (auto entry : in) {
    auto compute = read(entry.getCompute());
    if (!compute) return compute.error();
    auto wire = read(entry.getWire());
    if (!wire) return wire.error();
    stages[std::string(entry.getStage().cStr())] = {*std::move(compute), *std::move(wire)};
  }
  stages_ = std::move(stages);
  return {};
}

}  // namespace omma
