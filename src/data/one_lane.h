// SPDX-License-Identifier: MIT
// The operations of Highway that lane_loops.inc uses, under the same names, on vectors of one value: plain numbers.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace penstock::one_lane {

template <class T>
struct Tag {
  using Value = T;
};
template <class T, std::size_t kMost>
using CappedTag = Tag<T>;
template <class T>
using ScalableTag = Tag<T>;
template <class To, class D>
using Rebind = Tag<To>;
template <class D>
using Vec = typename D::Value;

template <class D>
std::size_t Lanes(D) {
  return 1;
}
template <class D>
Vec<D> Set(D, Vec<D> value) {
  return value;
}
template <class D>
Vec<D> LoadU(D, const Vec<D>* from) {
  return *from;
}
template <class T, class D>
void StoreU(T value, D, T* to) {
  *to = value;
}
template <class D, class T>
Vec<D> BitCast(D, T value) {
  return std::bit_cast<Vec<D>>(value);
}
template <class D, class T>
Vec<D> ConvertTo(D, T value) {
  return static_cast<Vec<D>>(value);
}
template <class D>
std::size_t StoreMaskBits(D, bool mask, std::uint8_t* bits) {
  *bits = mask ? 1 : 0;
  return 1;
}

template <class T>
T Add(T a, T b) {
  return a + b;
}
template <class T>
T Sub(T a, T b) {
  return a - b;
}
inline double Mul(double a, double b) { return a * b; }
inline double Div(double a, double b) { return a / b; }
inline double Sqrt(double a) { return std::sqrt(a); }
template <int kBits>
std::uint64_t ShiftRight(std::uint64_t a) {
  return a >> kBits;
}
template <class T>
T And(T a, T b) {
  return static_cast<T>(a & b);
}
template <class T>
T Or(T a, T b) {
  return static_cast<T>(a | b);
}
inline bool Not(bool a) { return !a; }

template <class T>
bool Eq(T a, T b) {
  return a == b;
}
template <class T>
bool Lt(T a, T b) {
  return a < b;
}
template <class T>
bool Le(T a, T b) {
  return a <= b;
}
template <class T>
bool Gt(T a, T b) {
  return a > b;
}
template <class T>
bool Ge(T a, T b) {
  return a >= b;
}
template <class T>
T IfThenElse(bool mask, T yes, T no) {
  return mask ? yes : no;
}

}  // namespace penstock::one_lane
