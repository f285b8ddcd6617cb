// Turn: one message being handled, and what the handler may do about it. Effects are collected and
// happen together when the turn ends well; a turn that throws has none.
//
// Lives on the stack of the cell for the length of one handler; never keep a reference.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/actor_check.hpp"
#include "runtime/protocol/envelope.hpp"

#include <capnp/serialize.h>

#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace omma {

struct Subscriber;

// What an executor runs: it may block, must not touch the actor, and gives one message back.
using Job = std::function<Result<Message>()>;

struct SubscribeOptions {
  DeliveryClass delivery = DeliveryClass::fresh;
  std::uint64_t window_bytes = 0;          // 0: limits::stream_window_bytes.
  std::uint32_t waiting_messages_max = 0;  // 0: limits::fresh_waiting_messages_max.
  Message form;
};

struct JobOptions {
  ExecutorKind executor = ExecutorKind::io;
  // Wait with the start while an outlet's reliable subscriber is behind: how back-pressure reaches
  // an actor that makes messages by itself.
  bool when_unblocked = false;
};

// What a turn did, in the order that the cell carries it out.
struct TurnEffects {
  struct Send {
    ActorId target;
    std::shared_ptr<const StageSpec> spec;
    Channel channel = Channel::control;
    Message message;
    std::uint64_t correlation = 0;
    bool is_request = false;
    bool is_reply = false;
    TraceId trace;
    std::uint64_t window_bytes = 0;  // Of the subscription, when one.
    std::uint32_t waiting_messages_max = 0;
  };
  struct Subscription {
    ActorId publisher;
    std::shared_ptr<const StageSpec> spec;
    std::uint64_t message_type = 0;
    bool wanted = true;  // False: unsubscribe.
    SubscribeOptions options;
  };
  struct Timer {
    std::uint64_t timer = 0;
    std::optional<Duration> after;  // None: cancel.
  };
  struct StartedJob {
    std::uint64_t id = 0;
    Job job;
    JobOptions options;
    TraceId trace;
  };
  struct Release {
    HeldMessage held;
    Fate fate = Fate::emitted;
    std::string reason;
  };

  std::vector<Send> sends;
  std::vector<Subscription> subscriptions;
  std::vector<Timer> timers;
  std::vector<StartedJob> jobs;
  std::vector<Release> releases;
  std::map<std::string, std::uint64_t> captured;  // By camera name.
  std::optional<HeldMessage> hold;
  bool retire = false;
  Fate fate = Fate::emitted;
  std::string reason;
};

class Turn {
 public:
  // What the cell hands in.
  struct Context {
    ActorId self;
    std::string_view self_name;
    std::uint64_t life = 0;
    ActorId sender;
    Message message;
    TraceId trace;
    std::uint64_t correlation = 0;
    bool expects_reply = false;
    std::uint64_t job = 0;
    Instant now{};
    WallTime wall_now{};
    std::uint64_t seed = 0;
    std::uint64_t next_id = 1;  // For held messages, jobs and requests.
  };

  explicit Turn(Context context) : context_(std::move(context)), random_(context_.seed) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // --- What is being handled -----------------------------------------------------------------
  const ActorId& self() const { return context_.self; }
  std::string_view self_name() const { return context_.self_name; }
  // Of this actor. With its id and a number that its state counts it names an effect on the outside
  // for good: no move changes it, and of a durable actor no crash.
  std::uint64_t life() const { return context_.life; }
  const ActorId& sender() const { return context_.sender; }
  const Message& message() const { return context_.message; }
  std::span<const Blob> payloads() const { return context_.message.payloads(); }
  TraceId trace() const { return context_.trace; }
  // Of the reply in hand: what request() returned. Of a job's result: what run() returned.
  std::uint64_t correlation() const { return context_.correlation; }
  std::uint64_t job() const { return context_.job; }
  Instant now() const { return context_.now; }
  WallTime wall_now() const { return context_.wall_now; }
  Random& random() { return random_; }

  // --- Names ---------------------------------------------------------------------------------
  // The stage of this type with this configuration: the same one for all who name it alike.
  template <class A, class Fill>
  Ref<A> stage(Fill&& fill) const {
    return make_stage_ref<A>(std::forward<Fill>(fill));
  }
  // The same with a configuration that is part of another.
  template <class A>
  Ref<A> stage_of(typename A::Config::Reader config) const {
    return stage_ref_of<A>(config);
  }

  // --- Messages ------------------------------------------------------------------------------
  template <class T, class A, class Fill>
  void send(const Ref<A>& to, Fill&& fill, std::vector<Blob> payloads = {}) {
    static_assert(A::Accepts::template contains<T>,
                  "omma: the target does not accept this message: its Accepts does not name it");
    send_message(to.id, to.spec, Message::build<T>(std::forward<Fill>(fill), std::move(payloads)));
  }
  // The reply comes as a message of its own, with correlation() equal to what this returns; none
  // within limits::request_timeout comes as on_request_failed().
  template <class T, class A, class Fill>
  std::uint64_t request(const Ref<A>& to, Fill&& fill, std::vector<Blob> payloads = {}) {
    static_assert(A::Accepts::template contains<T>,
                  "omma: the target does not accept this message: its Accepts does not name it");
    return request_message(to.id, to.spec,
                           Message::build<T>(std::forward<Fill>(fill), std::move(payloads)));
  }
  // To the sender of the request in hand, now or (with what defer_reply() gave) in a later turn.
  template <class T, class Fill>
  void reply(Fill&& fill, std::vector<Blob> payloads = {}) {
    reply_message(Message::build<T>(std::forward<Fill>(fill), std::move(payloads)));
  }
  struct ReplyTo {
    ActorId requester;
    std::uint64_t correlation = 0;
  };
  // Throws when the message in hand is no request: that is its sender's mistake, so it costs the
  // message and not the process.
  ReplyTo defer_reply() const;
  void reply_later(const ReplyTo& to, Message message);

  // --- Streams -------------------------------------------------------------------------------
  // From now on the publisher's outlet of T sends here; again with other options to change them.
  template <class T, class A>
  void subscribe(const Ref<A>& publisher, SubscribeOptions options) {
    static_assert(A::Publishes::template contains<T>,
                  "omma: the publisher has no outlet of this message: its Publishes does not name "
                  "it");
    change_subscription(publisher.id, publisher.spec, type_id_of<T>(), true, std::move(options));
  }
  template <class T, class A>
  void unsubscribe(const Ref<A>& publisher) {
    change_subscription(publisher.id, publisher.spec, type_id_of<T>(), false, {});
  }

  // --- Time and work -------------------------------------------------------------------------
  // on_timer(timer) after this long; setting it again replaces it.
  void set_timer(std::uint64_t timer, Duration after);
  void cancel_timer(std::uint64_t timer);
  // Runs on an executor; its message comes back to this actor with job() equal to what this
  // returns.
  std::uint64_t run(Job job, JobOptions options = {});
  template <class Work>
  requires(!std::convertible_to<Work, Job>) std::uint64_t run(Work&&, JobOptions = {}) {
    static_assert(detail::never<Work>,
                  "omma: a job takes nothing, can be copied, and returns "
                  "omma::Result<omma::Message>: what it found comes back to the actor as a message "
                  "that its Accepts names");
    return 0;
  }

  // --- The ledger ----------------------------------------------------------------------------
  // The message in hand goes no further, on purpose.
  void filtered(std::string reason);
  // The message in hand goes no further, though it should.
  void failed(std::string reason);
  // The message in hand ends later, with release().
  HeldMessage hold();
  void release(HeldMessage held, Fate fate = Fate::emitted, std::string reason = {});
  // Effects from here on descend from this frame instead of the one in hand.
  void set_trace(TraceId trace) { context_.trace = trace; }
  // This actor's source produced a frame, from which effects from here on descend. filtered() or
  // failed() then says of it that it went no further.
  void captured(const std::string& camera, std::uint64_t sequence) {
    ++effects_.captured[camera];
    set_trace({context_.self.low, sequence});
  }
  // This actor is done for good; it ends when what it has sent is acknowledged.
  void retire() { effects_.retire = true; }

  // --- Untyped: for the runtime's own actors ---------------------------------------------------
  void send_message(const ActorId& to, std::shared_ptr<const StageSpec> spec, Message message);
  std::uint64_t request_message(const ActorId& to, std::shared_ptr<const StageSpec> spec,
                                Message message);
  void reply_message(Message message);
  void publish_to(const Subscriber& subscriber, Message message);
  void change_subscription(const ActorId& publisher, std::shared_ptr<const StageSpec> spec,
                           std::uint64_t message_type, bool wanted, SubscribeOptions options);

  TurnEffects take_effects() { return std::move(effects_); }
  std::uint64_t next_id() const { return context_.next_id; }

  template <class A, class Fill>
  static Ref<A> make_stage_ref(Fill&& fill);
  template <class A>
  static Ref<A> stage_ref_of(typename A::Config::Reader config);

 private:
  Context context_;
  SeededRandom random_;
  TurnEffects effects_;
};

// The canonical Cap'n Proto encoding of a configuration (one segment, no segment table): the bytes
// that name an actor and rebuild it.
std::vector<std::byte> bytes_of_words(kj::ArrayPtr<const capnp::word> words);

// What of a title fits limits::name_bytes_max: its end, which tells paths apart.
std::string shortened_title(std::string title);

// A type may be named by a key of its own choice instead of its whole configuration.
template <class A>
concept HasKey = requires(typename A::Config::Reader config) {
  { A::key(config) } -> std::convertible_to<std::string>;
};

template <class A, class Fill>
Ref<A> Turn::make_stage_ref(Fill&& fill) {
  capnp::MallocMessageBuilder builder;
  auto config = builder.initRoot<typename A::Config>();
  std::forward<Fill>(fill)(config);
  return stage_ref_of<A>(config.asReader());
}

template <class A>
Ref<A> Turn::stage_ref_of(typename A::Config::Reader config) {
  static_assert(detail::check_reference<A>());
  auto spec = std::make_shared<StageSpec>();
  spec->type = A::type_name;
  spec->name = shortened_title(A::title(config));
  spec->config = bytes_of_words(capnp::canonicalize(config));
  if constexpr (requires { A::wish(config); }) spec->wish = A::wish(config);
  if constexpr (HasKey<A>) {
    spec->id = ActorId::of(spec->type, std::string_view(A::key(config)));
  } else {
    spec->id = ActorId::of(spec->type, std::span<const std::byte>(spec->config));
  }
  const ActorId id = spec->id;
  return Ref<A>{id, std::move(spec)};
}

}  // namespace omma
