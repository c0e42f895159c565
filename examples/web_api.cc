// SPDX-License-Identifier: MIT
// A web API as a pipeline: requests come in, are checked and worked on, and answers go out. A second pipeline plays the
// clients.
#include <penstock/penstock.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

namespace ps = penstock;

// receive -> parse -> process -> format -> send
ps::Pipeline api(int requests) {
  ps::Pipeline pipeline("api");
  pipeline.add("http.serve",
               {{"listen", "127.0.0.1:0"}, {"port_file", "port"}, {"requests", requests}, {"answer_timeout", "10s"}});
  pipeline.add("derive", {{"set", ps::OptionValue::Table{{"amount", "try(float64(body))"}}}});
  pipeline.add(
      "derive",
      {{"set", ps::OptionValue::Table{{"total", "round(amount * 1.19, 2)"},
                                      {"answer", "if(total is null, 'not a number: ' || body, utf8(total))"}}}});
  pipeline.add("http.respond",
               {{"status", "if(total is null, 422, 200)"}, {"body", "answer"}, {"content_type", "text/plain"}});
  return pipeline;
}

// The port is in the file as soon as the server listens.
std::string wait_for_port(const std::atomic<bool>& ended) {
  while (!ended) {
    std::ifstream file("port");
    if (std::string port; std::getline(file, port)) return port;
    std::this_thread::yield();
  }
  return "0";
}

int main() {
  ps::Result<ps::Report> served = ps::Report();
  std::atomic<bool> ended = false;
  std::jthread server([&] {
    served = api(3).run(ps::async);
    ended = true;
  });

  ps::Pipeline clients("clients");
  std::ofstream("amounts.csv") << "amount\n100\n9.99\nten\n";
  clients.add("csv.read", {{"path", "amounts.csv"}, {"types", ps::OptionValue::Table{{"amount", "utf8"}}}});
  clients.add("http.fetch", {{"url", "'http://127.0.0.1:" + wait_for_port(ended) + "/tax'"},
                             {"method", "POST"},
                             {"body", "amount"},
                             {"http_errors", false}});
  clients.add("collect");
  const ps::Result<ps::Report> asked = clients.run(ps::async);
  if (!asked) return ps::fail(asked.error());
  server.join();
  if (!served) return ps::fail(served.error());
  std::printf("%s\n%d requests served\n", asked->results[0].rows.c_str(), static_cast<int>(served->records_out));
}
