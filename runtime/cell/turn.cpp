#include "runtime/cell/turn.hpp"

#include <cstring>
#include <stdexcept>

#include "runtime/cell/outlet.hpp"

namespace omma {

void Turn::send_message(const ActorId& to, std::shared_ptr<const StageSpec> spec, Message message) {
  auto& send = effects_.sends.emplace_back();
  send.target = to;
  send.spec = std::move(spec);
  send.message = std::move(message);
  send.trace = context_.trace;
}

std::uint64_t Turn::request_message(const ActorId& to, std::shared_ptr<const StageSpec> spec,
                                    Message message) {
  send_message(to, std::move(spec), std::move(message));
  effects_.sends.back().correlation = context_.next_id;
  effects_.sends.back().is_request = true;
  return context_.next_id++;
}

void Turn::reply_message(Message message) {
  reply_later(defer_reply(), std::move(message));
}

void Turn::reply_later(const ReplyTo& to, Message message) {
  send_message(to.requester, nullptr, std::move(message));
  effects_.sends.back().correlation = to.correlation;
  effects_.sends.back().is_reply = true;
}

void Turn::publish_to(const Subscriber& subscriber, Message message) {
  send_message(subscriber.id, nullptr, std::move(message));
  auto& send = effects_.sends.back();
  send.channel = subscriber.channel();
  send.window_bytes = subscriber.window_bytes;
  send.waiting_messages_max = subscriber.waiting_messages_max;
}

void Turn::change_subscription(const ActorId& publisher, std::shared_ptr<const StageSpec> spec,
                               std::uint64_t message_type, bool wanted, SubscribeOptions options) {
  effects_.subscriptions.push_back(
      {publisher, std::move(spec), message_type, wanted, std::move(options)});
}

Turn::ReplyTo Turn::defer_reply() const {
  if (!context_.expects_reply) {
    throw std::runtime_error("a reply to " + context_.sender.short_text() +
                             ", whose message is no request");
  }
  return {context_.sender, context_.correlation};
}

void Turn::set_timer(std::uint64_t timer, Duration after) {
  effects_.timers.push_back({timer, after});
}

void Turn::cancel_timer(std::uint64_t timer) {
  effects_.timers.push_back({timer, std::nullopt});
}

std::uint64_t Turn::run(Job job, JobOptions options) {
  effects_.jobs.push_back({context_.next_id, std::move(job), options, context_.trace});
  return context_.next_id++;
}

void Turn::filtered(std::string reason) {
  effects_.fate = Fate::filtered;
  effects_.reason = std::move(reason);
}

void Turn::failed(std::string reason) {
  effects_.fate = Fate::failed;
  effects_.reason = std::move(reason);
}

HeldMessage Turn::hold() {
  OMMA_CHECK(!effects_.hold, "a message is held once");
  effects_.hold = HeldMessage{context_.next_id++};
  return *effects_.hold;
}

void Turn::release(HeldMessage held, Fate fate, std::string reason) {
  effects_.releases.push_back({held, fate, std::move(reason)});
}

std::vector<std::byte> bytes_of_words(kj::ArrayPtr<const capnp::word> words) {
  std::vector<std::byte> bytes(words.size() * sizeof(capnp::word));
  if (!bytes.empty()) std::memcpy(bytes.data(), words.begin(), bytes.size());
  return bytes;
}

std::string shortened_title(std::string title) {
  if (title.size() <= limits::name_bytes_max) return title;
  return "..." + title.substr(title.size() - (limits::name_bytes_max - 3));
}

Result<void> OutletBase::add(Subscriber subscriber) {
  for (Subscriber& existing : subscribers_) {
    if (existing.id == subscriber.id) {
      existing = std::move(subscriber);
      return {};
    }
  }
  if (subscribers_.size() >= limits::subscribers_per_outlet_max) {
    return Error{Code::over_limit, "outlet with " + std::to_string(subscribers_.size()) +
                                       " subscribers, limit " +
                                       std::to_string(limits::subscribers_per_outlet_max)};
  }
  subscribers_.push_back(std::move(subscriber));
  return {};
}

bool OutletBase::remove(const ActorId& id) {
  return std::erase_if(subscribers_, [&](const Subscriber& s) { return s.id == id; }) > 0;
}

}  // namespace omma
