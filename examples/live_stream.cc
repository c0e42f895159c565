// SPDX-License-Identifier: MIT
// A live stream: readings come in over TCP, are parsed and checked, gathered minute by minute, and each minute is
// published as soon as it is over, while the input still flows. A thread plays the sensors: it sends the rest only when
// it has seen the first result.
#include <netinet/in.h>
#include <penstock/penstock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

namespace ps = penstock;

struct Minute {
  std::string minute;
  std::string sensor;
  std::int64_t readings = 0;
  double mean = 0;
  PENSTOCK_FIELDS(minute, sensor, readings, mean)
};

// receive -> parse -> filter -> aggregate -> publish
template <class Publish>
ps::Pipeline live(const std::string& address, Publish publish) {
  return ps::read_jsonl(
             address,
             {{"schema", ps::OptionValue::Table{{"at", "timestamp"}, {"sensor", "utf8"}, {"celsius", "float64"}}}},
             {.on_error = ps::skip()})
      .then("filter", {{"where", "celsius > -50 and celsius < 60"}})
      .then("derive", {{"set", ps::OptionValue::Table{{"minute", "date_trunc('minute', at)"}}}})
      .then("aggregate", {{"by", ps::OptionValue::List{"minute", "sensor"}},
                          {"window", "minute"},
                          {"compute", ps::OptionValue::Table{{"readings", "count()"}, {"mean", "mean(celsius)"}}}})
      .then("derive", {{"set", ps::OptionValue::Table{{"minute", "utf8(minute)"}}}})
      .as<Minute>()
      .for_each(publish);
}

// What the sensors send: a socket that listens on a free port of this machine.
class Sensors {
 public:
  Sensors() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, any, size) == 0 && ::listen(socket_, 1) == 0 && ::getsockname(socket_, any, &size) == 0)
      port_ = ntohs(address.sin_port);
  }
  ~Sensors() { ::close(socket_); }

  std::string address() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  void accept() { connection_ = ::accept(socket_, nullptr, nullptr); }
  void say(std::string_view lines) { (void)!::send(connection_, lines.data(), lines.size(), MSG_NOSIGNAL); }
  void hang_up() { ::close(connection_); }
  void give_up() { ::shutdown(socket_, SHUT_RDWR); }  // nobody will come

 private:
  const int socket_;
  int port_ = 0;
  int connection_ = -1;
};

int main() {
  Sensors sensors;
  std::atomic<int> published = 0;
  std::jthread world([&] {
    sensors.accept();
    sensors.say(R"({"at":"2026-11-20T10:00:01Z","sensor":"hall","celsius":20.5})"
                "\n"
                R"({"at":"2026-11-20T10:00:02Z","sensor":"roof","celsius":-3.25})"
                "\n"
                R"({"at":"2026-11-20T10:00:31Z","sensor":"hall","celsius":21.5})"
                "\n"
                R"({"at":"2026-11-20T10:01:00Z","sensor":"roof","celsius":-3.75})"
                "\n");
    published.wait(0);  // the minute 10:00 is there, and nobody has said that the input has ended
    sensors.say(R"({"at":"2026-11-20T10:01:07Z","sensor":"roof","celsius":999})"
                "\n"
                R"(not a reading)"
                "\n"
                R"({"at":"2026-11-20T10:01:08Z","sensor":"roof","celsius":-4.25})"
                "\n");
    sensors.hang_up();
  });

  const auto report = live(sensors.address(), [&published](const Minute& minute) {
                        std::printf("%s %s: %lld readings, %.2f degrees\n", minute.minute.c_str(),
                                    minute.sensor.c_str(), static_cast<long long>(minute.readings), minute.mean);
                        ++published;
                        published.notify_all();
                      }).run({.strategy = ps::threads});
  if (!report) {
    published = -1;
    published.notify_all();
    sensors.give_up();
    return ps::fail(report.error());
  }
  std::printf("%llu in, %llu rejected\n", static_cast<unsigned long long>(report->records_in),
              static_cast<unsigned long long>(report->records_rejected));
}
