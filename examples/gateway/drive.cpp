// SPDX-License-Identifier: MPL-2.0
// A simulated robot that is driven from the page, and stops when nobody drives or nothing more is heard.
//
//     sudo apt install g++ libwebsockets-dev nlohmann-json3-dev
//     g++ -std=c++17 -o drive examples/gateway/drive.cpp -lwebsockets
//     gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
//     ./drive ws://127.0.0.1:8765
//
// In a robot of your own, Robot::move and Robot::stop speak to the motors.

#include <libwebsockets.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

using nlohmann::json;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as `until` is
using Seconds = std::chrono::duration<double>;

constexpr auto STEP_US = 50 * LWS_US_PER_MS;  // between two steps of the simulation
constexpr int STEPS_PER_REPORT = 2;
constexpr auto AGAIN_US = LWS_US_PER_SEC;  // before the next try to connect
constexpr double FASTEST = 1;              // metres in a second
constexpr double SHARPEST = 90;            // degrees in a second
constexpr size_t MAX_MESSAGE = 64 * 1024;  // The gateway sends no longer ones.
// `drive` asks the page for its steering; of what the robot sends back only the newest counts.
constexpr auto DESCRIPTION = R"(porthole describe {"title":"Robot","kind":"json","drive":true,"latest":true})";

Clock::duration seconds(double count) { return std::chrono::duration_cast<Clock::duration>(Seconds(count)); }

// Where it is, in metres and degrees, and how it moves.
struct Robot {
    double x = 0, y = 0, heading = 0, speed = 0, turn = 0;
    bool is_same_machine = false;            // Then its clock is the camera's as well.
    std::optional<Clock::time_point> until;  // It may move until then.

    // [the rule]
    // The dead man: once the time is over it stops, and only a new driver makes it move again.
    bool may_move() {
        if (until && Clock::now() >= *until) {
            release();
            std::cerr << "drive: nothing more was heard; stopped" << std::endl;
        }
        return until.has_value();
    }

    // `driver` (is_new) and `alive` say how long it may go on without a further word.
    void lease(const json& given, bool is_new) {
        if (!is_new && !may_move()) return;
        until = Clock::now() + std::chrono::milliseconds(given.at("for").get<unsigned>());
        if (is_same_machine) until = std::min(*until, Clock::time_point(seconds(given.at("until").get<double>())));
    }

    // After `released`, and when the connection has ended.
    void release() {
        stop();
        until.reset();
    }
    // [end]

    void stop() { speed = turn = 0; }

    // Takes what the page sends: {"x": right, "y": forward, "buttons": [...]}, both from -1 to 1.
    void move(const json& command) {
        const double right = command.at("x").get<double>(), forward = command.at("y").get<double>();
        if (!(std::abs(right) <= 1 && std::abs(forward) <= 1)) throw std::invalid_argument("x and y go from -1 to 1");
        speed = FASTEST * forward;
        turn = SHARPEST * right;
    }

    void step(double time) {
        heading = std::fmod(heading + turn * time + 360, 360);
        const double angle = heading * std::acos(-1.0) / 180;
        x += speed * time * std::sin(angle);
        y += speed * time * std::cos(angle);
    }

    std::string state() const {
        const auto round = [](double value) { return std::round(value * 100) / 100; };
        return json{{"x", round(x)}, {"y", round(y)}, {"heading", round(heading)}, {"speed", round(speed)}}.dump();
    }
};

// One connection at a time, and what waits to be sent on it. All of it runs on the one thread of lws_service.
struct Program {
    lws_context* context = nullptr;
    lws* connection = nullptr;
    lws_sorted_usec_list_t stepping{}, connecting{}, ending{};  // Timers.
    std::string address, path, token, heard;
    bool is_secure = false;
    int port = 0, steps = 0;
    std::deque<std::string> unsent;
    Robot robot;

    void send(std::string text, bool is_state) {
        if (!connection) return;
        // Of its states only the newest is of use.
        if (is_state && !unsent.empty() && unsent.back()[0] == '{') unsent.pop_back();
        unsent.push_back(std::move(text));
        lws_callback_on_writable(connection);
    }
};

Program program;
volatile std::sig_atomic_t is_over = 0;

template <lws_sorted_usec_list_t Program::*timer>
void after(lws_usec_t time, sul_cb_t call) { lws_sul_schedule(program.context, 0, &(program.*timer), call, time); }

void look_at_the_time(lws_sorted_usec_list_t*) { program.robot.may_move(); }

// A text of the gateway's own: `porthole`, a word, and JSON.
void hear_gateway(const std::string& text) {
    const auto space = text.find(' ', 9);
    const auto word = text.substr(9, space - 9);
    const auto details = space == std::string::npos ? "null" : text.substr(space);
    Robot& robot = program.robot;
    if (word == "driver" || word == "alive") robot.lease(json::parse(details), word == "driver");
    if (word == "released") robot.release();
    if (robot.until) {
        const auto left = std::chrono::duration_cast<std::chrono::microseconds>(*robot.until - Clock::now()).count();
        after<&Program::ending>(std::max<lws_usec_t>(left, 1), look_at_the_time);
    }
    if (word != "alive") std::cout << "drive: " << text << std::endl;
}

// One message: from the gateway, or from the one who drives. What is binary is never the gateway's own.
void hear(const std::string& message, bool is_binary) {
    const bool is_own = !is_binary && message.rfind("porthole ", 0) == 0;
    try {
        if (is_own) return hear_gateway(message);
        // Else it was given by one who drives no more.
        if (program.robot.may_move()) program.robot.move(json::parse(message));
    } catch (const std::exception& error) {
        if (is_own) program.robot.release();
        program.robot.stop();
        std::cerr << "drive: this is no command, and stops the robot: " << error.what() << std::endl;
    }
}

void step(lws_sorted_usec_list_t*) {
    program.robot.may_move();
    program.robot.step(STEP_US * 1e-6);
    program.steps = (program.steps + 1) % STEPS_PER_REPORT;
    if (program.steps == 0) program.send(program.robot.state(), true);
    after<&Program::stepping>(STEP_US, step);
}

void connect(lws_sorted_usec_list_t*) {
    lws_client_connect_info wanted{};
    wanted.context = program.context;
    wanted.address = wanted.host = wanted.origin = program.address.c_str();
    wanted.port = program.port;
    wanted.path = program.path.c_str();
    wanted.ssl_connection = program.is_secure ? LCCSCF_USE_SSL : 0;
    // What fails at once is told by the callback too.
    lws_client_connect_via_info(&wanted);
}

// Comes back by itself, also when the camera is started later.
void lost(const std::string& why) {
    program.robot.release();  // Nobody can drive it without the gateway.
    program.connection = nullptr;
    program.unsent.clear();
    program.heard.clear();
    std::cerr << "drive: " << why << "; trying again" << std::endl;
    after<&Program::connecting>(AGAIN_US, connect);
}

std::string refused(lws* connection, const char* error) {
    switch (connection ? lws_http_client_http_response(connection) : 0) {
        case 409: return "another program serves drive already: end it first";
        case 401: return "the gateway wants its token: set PORTHOLE_GATEWAY_TOKEN to the first line of its token file";
        default: return program.address + ": " + (error ? error : "no connection");
    }
}

int write(lws* connection) {
    if (program.unsent.empty()) return 0;
    const std::string text = std::move(program.unsent.front());
    program.unsent.pop_front();
    std::string buffer(LWS_PRE, '\0');
    buffer += text;
    auto* start = reinterpret_cast<unsigned char*>(&buffer[LWS_PRE]);
    if (lws_write(connection, start, text.size(), LWS_WRITE_TEXT) < 0) return -1;
    if (!program.unsent.empty()) lws_callback_on_writable(connection);
    return 0;
}

int on_event(lws* connection, lws_callback_reasons reason, void*, void* in, size_t length) {
    const auto* bytes = static_cast<const char*>(in);
    switch (reason) {
        case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
            if (program.token.empty()) return 0;
            const std::string bearer = "Bearer " + program.token;
            auto** at = reinterpret_cast<unsigned char**>(in);
            const auto* value = reinterpret_cast<const unsigned char*>(bearer.data());
            return lws_add_http_header_by_token(connection, WSI_TOKEN_HTTP_AUTHORIZATION, value, int(bearer.size()), at, *at + length);
        }
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            std::cout << "drive: connected" << std::endl;
            program.connection = connection;
            program.send(DESCRIPTION, false);
            return 0;
        case LWS_CALLBACK_CLIENT_RECEIVE:
            // A long message comes in several pieces.
            if (program.heard.size() + length > MAX_MESSAGE) return -1;
            program.heard.append(bytes, length);
            if (!lws_is_final_fragment(connection)) return 0;
            hear(program.heard, lws_frame_is_binary(connection));
            program.heard.clear();
            return 0;
        case LWS_CALLBACK_CLIENT_WRITEABLE: return write(connection);
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: lost(refused(connection, bytes)); return 0;
        case LWS_CALLBACK_CLIENT_CLOSED: lost("the gateway closed the connection"); return 0;
        default: return 0;
    }
}

int main(int count, char** arguments) {
    std::string url = count > 1 ? arguments[1] : "ws://127.0.0.1:8765";
    if (const char* token = std::getenv("PORTHOLE_GATEWAY_TOKEN")) program.token = token;
    const char *scheme, *address, *path;
    if (lws_parse_uri(url.data(), &scheme, &address, &program.port, &path)) {
        std::cerr << "drive: give the gateway's address, such as ws://127.0.0.1:8765" << std::endl;
        return 2;
    }
    program.is_secure = std::string(scheme) == "wss";
    program.address = address;
    program.path = "/drive";
    program.robot.is_same_machine = program.address == "127.0.0.1" || program.address == "::1" || program.address == "localhost";
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { is_over = 1; });

    lws_set_log_level(0, nullptr);  // What matters comes by on_event.
    const lws_protocols protocols[] = {{"", on_event, 0, MAX_MESSAGE, 0, nullptr, 0}, {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    lws_context_creation_info options{};
    options.port = CONTEXT_PORT_NO_LISTEN;
    options.protocols = protocols;
    if (program.is_secure) options.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    program.context = lws_create_context(&options);
    if (!program.context) {
        std::cerr << "drive: libwebsockets does not start" << std::endl;
        return 1;
    }
    after<&Program::stepping>(STEP_US, step);
    connect(nullptr);
    while (!is_over && lws_service(program.context, 0) >= 0) {}
    program.robot.release();
    lws_context_destroy(program.context);
}
