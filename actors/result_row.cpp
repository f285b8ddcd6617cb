#include "actors/result_row.hpp"

#include "actors/frame_tag.hpp"

namespace omma {
namespace {

void write(Field::Builder out, const RowField& field) {
  out.setName(field.name);
  auto value = out.getValue();
  if (const auto* text = std::get_if<std::string>(&field.value)) value.setText(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&field.value)) value.setInteger(*integer);
  if (const auto* real = std::get_if<double>(&field.value)) value.setReal(*real);
  if (const auto* flag = std::get_if<bool>(&field.value)) value.setFlag(*flag);
}

void write(capnp::List<Field>::Builder out, const std::vector<RowField>& fields) {
  for (unsigned i = 0; i < out.size(); ++i) write(out[i], fields[i]);
}

Message untagged_row(const char* kind, bool end, const std::vector<RowField>& fields) {
  return Message::build<ResultRow>([&](ResultRow::Builder out) {
    out.setKind(kind);
    out.initTag().setEnd(end);
    write(out.initFields(static_cast<unsigned>(fields.size())), fields);
  });
}

}  // namespace

Message result_row(const char* kind, const std::vector<RowField>& fields) {
  return untagged_row(kind, false, fields);
}

Message end_row(const std::vector<RowField>& fields) {
  return untagged_row("end", true, fields);
}

Message result_row(const char* kind, FrameTag::Reader tag, const char* stage, const Turn& turn,
                   const std::vector<RowField>& fields) {
  return Message::build<ResultRow>([&](ResultRow::Builder out) {
    out.setKind(kind);
    pass_on_tag(tag, out.initTag(), stage, {turn.wall_now(), turn.wall_now()});
    write(out.initFields(static_cast<unsigned>(fields.size())), fields);
  });
}

}  // namespace omma
