// SPDX-License-Identifier: MIT
// Names of the main types, for headers that only mention them.
#pragma once

namespace penstock {

class Batch;
class Buffer;
class BufferPool;
class Column;
class ColumnBuilder;
class Emitter;
class Error;
class MemoryBudget;
class Operator;
class Options;
class Pipeline;
class RecordBatch;
class Registry;
struct Report;
class RowErrors;
class Schema;
class Source;
class StopSignal;
template <class T>
class Result;

}  // namespace penstock
