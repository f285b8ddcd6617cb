#include "runtime/node/wire_records.hpp"

#include <string>

namespace omma {
namespace {

capnp::Data::Reader data_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> bytes_of(capnp::Data::Reader data) {
  const auto* first = reinterpret_cast<const std::byte*>(data.begin());
  return {first, first + data.size()};
}

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

}  // namespace

void write(wire::ActorKey::Builder out, const ActorId& id) {
  out.setHigh(id.high);
  out.setLow(id.low);
}

ActorId read(wire::ActorKey::Reader in) {
  return {in.getHigh(), in.getLow()};
}

void write(wire::NodeRef::Builder out, const NodeId& id) {
  out.setName(id.name);
  out.setIncarnationHigh(id.incarnation.high);
  out.setIncarnationLow(id.incarnation.low);
  out.setEpoch(id.epoch);
}

NodeId read(wire::NodeRef::Reader in) {
  return {text_of(in.getName()), {in.getIncarnationHigh(), in.getIncarnationLow()}, in.getEpoch()};
}

void write(wire::ActorRecord::Builder out, const ActorRecord& record) {
  write(out.initId(), record.id);
  out.setType(record.type);
  out.setName(record.name);
  out.setConfig(data_of(record.config));
  out.setEpoch(record.epoch);
  out.setLife(record.life);
  out.setActive(record.state == ActorRecord::State::active);
  write(out.initNode(), record.node);
}

std::optional<ActorRecord> read(wire::ActorRecord::Reader in) {
  if (in.getEpoch() == 0) return std::nullopt;
  ActorRecord record;
  record.id = read(in.getId());
  record.type = text_of(in.getType());
  record.name = text_of(in.getName());
  record.config = bytes_of(in.getConfig());
  record.epoch = in.getEpoch();
  record.life = in.getLife();
  record.state = in.getActive() ? ActorRecord::State::active : ActorRecord::State::retired;
  record.node = read(in.getNode());
  return record;
}

void write(wire::NodeRecord::Builder out, const NodeRecord& record) {
  write(out.initId(), record.id);
  out.setAddress(record.address);
  auto roles = out.initRoles(static_cast<unsigned>(record.roles.size()));
  for (unsigned i = 0; i < roles.size(); ++i) roles.set(i, record.roles[i]);
  out.setAlive(record.alive);
}

NodeRecord read(wire::NodeRecord::Reader in) {
  NodeRecord record;
  record.id = read(in.getId());
  record.address = text_of(in.getAddress());
  for (auto role : in.getRoles()) record.roles.push_back(text_of(role));
  record.alive = in.getAlive();
  return record;
}

void write(wire::StageSpec::Builder out, const StageSpec& spec) {
  write(out.initId(), spec.id);
  out.setType(spec.type);
  out.setName(spec.name);
  out.setConfig(data_of(spec.config));
}

StageSpec read(wire::StageSpec::Reader in) {
  StageSpec spec;
  spec.id = read(in.getId());
  spec.type = text_of(in.getType());
  spec.name = text_of(in.getName());
  spec.config = bytes_of(in.getConfig());
  return spec;
}

}  // namespace omma
