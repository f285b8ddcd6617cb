// Ring: a queue that takes no memory while it is empty, and no allocation for an element once it
// has grown. There are hundreds of thousands of queues in a node (several a stream and an actor),
// nearly all of them empty, where a std::deque keeps 600 bytes each.
//
// A value; owned and used by one thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace omma {

template <class T>
class Ring {
  static_assert(std::is_nothrow_move_constructible_v<T>);

 public:
  Ring() = default;
  Ring(Ring&& other) noexcept { swap(other); }
  Ring& operator=(Ring&& other) noexcept {
    Ring(std::move(other)).swap(*this);
    return *this;
  }
  ~Ring() {
    clear();
    release();
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // From the front.
  T& operator[](std::size_t index) { return *slot(index); }
  const T& operator[](std::size_t index) const { return *slot(index); }
  T& front() { return *slot(0); }
  const T& front() const { return *slot(0); }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    std::construct_at(slot(size_), std::move(value));
    ++size_;
  }
  void push_front(T value) {
    if (size_ == capacity_) grow();
    head_ = (head_ + capacity_ - 1) & (capacity_ - 1);
    std::construct_at(slot(0), std::move(value));
    ++size_;
  }
  void pop_front() {
    std::destroy_at(slot(0));
    head_ = (head_ + 1) & (capacity_ - 1);
    if (--size_ == 0 && capacity_ * sizeof(T) > kept_bytes_max) release();
  }
  T take_front() {
    T value = std::move(front());
    pop_front();
    return value;
  }
  void clear() {
    while (!empty()) pop_front();
  }
  // Keeps the order of the others.
  template <class Predicate>
  void erase_if(Predicate&& gone) {
    for (std::size_t left = size_; left > 0; --left) {
      T value = take_front();
      if (!gone(std::as_const(value))) push_back(std::move(value));
    }
  }

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    Iterator() = default;
    Iterator(const Ring* ring, std::size_t index) : ring_(ring), index_(index) {}
    const T& operator*() const { return (*ring_)[index_]; }
    const T* operator->() const { return &(*ring_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++index_;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Ring* ring_ = nullptr;
    std::size_t index_ = 0;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size_}; }

 private:
  // An empty ring keeps no more than this for what comes next.
  static constexpr std::size_t kept_bytes_max = 256;

  T* slot(std::size_t index) const { return slots_ + ((head_ + index) & (capacity_ - 1)); }

  void grow() {
    constexpr std::size_t first =
        std::bit_floor(sizeof(T) < kept_bytes_max ? kept_bytes_max / sizeof(T) : std::size_t{1});
    const std::size_t capacity = capacity_ == 0 ? first : capacity_ * 2;
    T* slots = std::allocator<T>().allocate(capacity);
    for (std::size_t i = 0; i < size_; ++i) {
      std::construct_at(slots + i, std::move(*slot(i)));
      std::destroy_at(slot(i));
    }
    release();
    slots_ = slots;
    capacity_ = capacity;
  }
  // The slots, none of which holds an element (any more).
  void release() {
    if (slots_ != nullptr) std::allocator<T>().deallocate(slots_, capacity_);
    slots_ = nullptr;
    capacity_ = 0;
    head_ = 0;
  }
  void swap(Ring& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(capacity_, other.capacity_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
  }

  T* slots_ = nullptr;
  std::size_t capacity_ = 0;  // A power of two.
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace omma
