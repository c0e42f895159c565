// SPDX-License-Identifier: MIT
// How the program talks: data on standard output, messages on standard error, colour only on terminals.
#pragma once

#include <penstock/result.h>

#include <string>
#include <string_view>
#include <vector>

#include "apps/penstock/command_line.h"

namespace penstock::app {

/// Prints a text for people to standard output. Names and values of files stand in such texts, so control characters
/// are escaped, here and in the functions below.
void print(std::string_view text);
/// Prints JSON or a script to standard output, as it is.
void print_data(std::string_view text);
/// Prints to standard error, at once and unbroken by other threads. A block that is drawn there is removed before.
void print_to_stderr(std::string_view text);
/// The same on a line of its own where something was typed before, such as ^C.
void print_behind_typing(std::string_view text);
/// Prints "penstock: error: ..." to standard error.
void print_error(const Error& error);
/// The same, and returns what the program ends with.
int failed(const Error& error, int code = kFailed);
/// Writes out what standard output still holds; false, after a message, when that fails.
bool finish_output();

/// Draws lines on the terminal of standard error, over those that were drawn before, until something else is printed.
void draw_block(const std::vector<std::string>& lines);
/// Removes them.
void remove_block();

/// True when standard error is a terminal that can move its cursor.
bool is_live_terminal();
/// True when messages may be coloured: a terminal, and no NO_COLOR (https://no-color.org).
bool has_colour();
/// Columns of the terminal; 80 when unknown.
std::size_t terminal_columns();
std::size_t terminal_lines();

// ---- Logging -------------------------------------------------------------------------------------------------------

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
/// "debug", "info", "warning", "error", "off"; the level of --log-level. kInfo otherwise hides debug lines only.
bool set_log_level(std::string_view name);
LogLevel log_level() noexcept;
/// Writes "2026-11-20T10:15:00.123Z info  text" to standard error when the level is on.
void log(LogLevel level, std::string_view text);

}  // namespace penstock::app
