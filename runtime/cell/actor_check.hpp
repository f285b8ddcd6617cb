// What the compiler says, in words, to whoever forgot a part of an actor: check_actor() when its
// type is made, check_reference() wherever somebody names it.
//
// Compile time only.
#pragma once

#include "runtime/base/message.hpp"
#include "runtime/cell/actor.hpp"

#include <concepts>
#include <string>

namespace omma::detail {

template <class>
inline constexpr bool never = false;

template <class A>
concept HasTypeName = requires {
  { A::type_name } -> std::convertible_to<const char*>;
};

template <class A>
concept HasConfig = requires {
  requires SchemaStruct<typename A::Config>;
};

template <class A>
concept HasTitle = requires(typename A::Config::Reader config) {
  { A::title(config) } -> std::convertible_to<std::string>;
};

template <class A>
concept HasAccepts = requires {
  typename A::Accepts;
};

template <class A>
concept HasPublishes = requires {
  typename A::Publishes;
};

template <class A>
concept HasState = requires {
  typename A::State;
};

template <class A>
concept Saves = requires(const A& actor, typename A::State::Builder out) {
  actor.save(out);
};

template <class A>
concept Loads = requires(A& actor, typename A::State::Reader in) {
  { actor.load(in) } -> std::same_as<Result<void>>;
};

template <class A, class T>
concept Handles = requires(A& actor, typename T::Reader message, Turn& turn) {
  actor.on(message, turn);
};

// Each check is true when nothing is missing. They are evaluated, not only called, so that their
// sentences come before whatever else the compiler has to say.
template <class A, class T>
consteval bool check_accepted() {
  static_assert(SchemaStruct<T>,
                "omma: Accepts names a type that is no struct of a Cap'n Proto schema; what "
                "crosses machines is described in a .capnp file (SCHEMAS of omma_add_app)");
  static_assert(!SchemaStruct<T> || Handles<A, T>,
                "omma: Accepts names a message that the actor has no public "
                "'void on(T::Reader, omma::Turn&)' for");
  return SchemaStruct<T> && Handles<A, T>;
}

template <class T>
consteval bool check_published() {
  static_assert(SchemaStruct<T>,
                "omma: Publishes names a type that is no struct of a Cap'n Proto schema; what "
                "crosses machines is described in a .capnp file (SCHEMAS of omma_add_app)");
  return SchemaStruct<T>;
}

template <class A, class... Messages>
consteval bool check_all_accepted(Accepts<Messages...>) {
  return (check_accepted<A, Messages>() && ...);
}

template <class... Messages>
consteval bool check_all_published(Publishes<Messages...>) {
  return (check_published<Messages>() && ...);
}

template <class A>
consteval bool check_name() {
  static_assert(HasTypeName<A>,
                "omma: an actor needs 'static constexpr const char* type_name', which no other "
                "actor of the cluster has");
  static_assert(HasConfig<A>,
                "omma: Config is no struct of a Cap'n Proto schema; it names the actor and makes "
                "it anew on another machine, so it is described in a .capnp file (SCHEMAS of "
                "omma_add_app)");
  return HasTypeName<A> && HasConfig<A>;
}

// What it takes to refer to an actor that may not be there yet.
template <class A>
consteval bool check_reference() {
  static_assert(!HasConfig<A> || HasTitle<A>,
                "omma: an actor needs 'static std::string title(Config::Reader)', its name for "
                "people in omma ps and omma move");
  return check_name<A>() && HasTitle<A>;
}

template <class A>
consteval bool check_saving() {
  if constexpr (HasState<A>) {
    using State = typename A::State;
    static_assert(SchemaStruct<State>,
                  "omma: State is no struct of a Cap'n Proto schema; it is what survives a crash "
                  "and a move, so it is described in a .capnp file (SCHEMAS of omma_add_app)");
    static_assert(!SchemaStruct<State> || Saves<A>,
                  "omma: an actor with a State needs a public 'void save(State::Builder) const', "
                  "or a move and a crash would lose the state");
    static_assert(!SchemaStruct<State> || Loads<A>,
                  "omma: an actor with a State needs a public "
                  "'omma::Result<void> load(State::Reader)', or a move and a crash would lose the "
                  "state");
    return SchemaStruct<State> && Saves<A> && Loads<A>;
  }
  return true;
}

template <class A>
consteval bool check_messages() {
  static_assert(HasAccepts<A>,
                "omma: an actor says what it takes: 'using Accepts = omma::Accepts<...>', which "
                "may be empty");
  bool right = HasAccepts<A>;
  if constexpr (HasAccepts<A>) right = check_all_accepted<A>(typename A::Accepts{});
  if constexpr (HasPublishes<A>) right = check_all_published(typename A::Publishes{}) && right;
  return right;
}

template <class A>
consteval bool check_actor() {
  static_assert(std::derived_from<A, Actor>, "omma: an actor derives publicly from omma::Actor");
  return std::derived_from<A, Actor> && check_name<A>() && check_saving<A>() && check_messages<A>();
}

}  // namespace omma::detail
