/* A provider that costs nothing: fixed answers of both dialects over keep-alive HTTP/1.1, one thread.
 *
 * POST .../chat/completions is answered in the OpenAI wire, POST .../messages in Anthropic's, any
 * other request with an empty model list. The model's name says how a stream comes:
 *
 *   burst-N       N text events, each its own HTTP chunk, as fast as the socket takes them
 *   paced-N-MS    N text events, one every MS milliseconds, each its own write
 *
 * any other name: 8 events at once. Usage: mock_upstream [PORT]; the port is printed when it listens.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_BYTES = 766, BATCH_BYTES = 16384, MAX_FD = 16384, MAX_BODY_BYTES = 64 << 20 };

typedef struct {
    char *bytes;
    size_t length, capacity;
} Buffer;

typedef struct {
    int fd, paced_slot, wants_write;
    Buffer in, out;
    size_t written;
    const struct Wire *wire;
    long left; /* text events still to come; 0 with no tail due: idle */
    int streaming, include_usage;
    uint64_t interval_ns, due_ns;
} Connection;

typedef struct Wire {
    Buffer answer, head, opening, event, ending, usage, done;
} Wire;

static Wire openai, anthropic;
static Buffer empty_list;
static Connection *connections[MAX_FD];
static Connection *paced[MAX_FD];
static int paced_count, poll_fd, timer_fd;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void append(Buffer *buffer, const char *bytes, size_t length) {
    if (buffer->length + length > buffer->capacity) {
        buffer->capacity = (buffer->length + length) * 2;
        buffer->bytes = realloc(buffer->bytes, buffer->capacity);
        if (!buffer->bytes) abort();
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

static void append_text(Buffer *buffer, const char *text) { append(buffer, text, strlen(text)); }

/* One HTTP chunk. */
static void append_chunk(Buffer *buffer, const char *text) {
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", strlen(text));
    append_text(buffer, size);
    append_text(buffer, text);
    append_text(buffer, "\r\n");
}

/* ---------------------------------------------------------------- the fixed answers */

#define STREAM_HEAD \
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n" \
    "transfer-encoding: chunked\r\nx-request-id: req_5f2b8c1d9e3a47608b1c\r\n\r\n"

/* A whole answer of exactly ANSWER_BYTES: the text is padded. */
static Buffer whole(const char *before, const char *after) {
    static const char words[] = "The quick brown fox jumps over the lazy dog. ";
    Buffer body = {0}, answer = {0};
    append_text(&body, before);
    while (body.length + strlen(after) < ANSWER_BYTES)
        append(&body, words + (body.length % (sizeof words - 1)), 1);
    append_text(&body, after);
    char head[256];
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
             "x-request-id: req_5f2b8c1d9e3a47608b1c\r\nopenai-processing-ms: 412\r\n\r\n",
             body.length);
    append_text(&answer, head);
    append(&answer, body.bytes, body.length);
    free(body.bytes);
    return answer;
}

#define CHUNK(choices, usage) \
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1741569952,\"model\":\"gpt-4o-mini-2024-07-18\"," \
    "\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[" choices "]" usage "}\n\n"
#define CHOICE(delta, finish) \
    "{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" finish "}"

static void make_openai(void) {
    openai.answer = whole(
        "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":"
        "1741569952,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
        "\"assistant\",\"content\":\"",
        "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
        "219,\"completion_tokens\":61,\"total_tokens\":280,\"prompt_tokens_details\":{\"cached_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_44709d6fcb\"}");
    append_text(&openai.head, STREAM_HEAD);
    append_chunk(&openai.opening, CHUNK(CHOICE("\"role\":\"assistant\",\"content\":\"\"", "null"), ""));
    append_chunk(&openai.event, CHUNK(CHOICE("\"content\":\" jumps\"", "null"), ""));
    append_chunk(&openai.ending, CHUNK(CHOICE("", "\"stop\""), ""));
    append_chunk(&openai.usage, CHUNK("", ",\"usage\":{\"prompt_tokens\":219,\"completion_tokens\":61,"
                                          "\"total_tokens\":280}"));
    append_chunk(&openai.done, "data: [DONE]\n\n");
    append_text(&openai.done, "0\r\n\r\n");
}

#define EVENT(name, data) "event: " name "\ndata: {\"type\":\"" name "\"" data "}\n\n"

static void make_anthropic(void) {
    anthropic.answer = whole(
        "{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
        "\"claude-sonnet-4-5-20250929\",\"content\":[{\"type\":\"text\",\"text\":\"",
        "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":219,"
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":61,"
        "\"service_tier\":\"standard\"}}");
    append_text(&anthropic.head, STREAM_HEAD);
    append_chunk(&anthropic.opening,
                 EVENT("message_start",
                       ",\"message\":{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":"
                       "\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[],"
                       "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":219,"
                       "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
                       "\"output_tokens\":1}}"));
    append_chunk(&anthropic.opening, EVENT("content_block_start",
                                           ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"));
    append_chunk(&anthropic.opening, EVENT("ping", ""));
    append_chunk(&anthropic.event, EVENT("content_block_delta",
                                         ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" jumps\"}"));
    append_chunk(&anthropic.ending, EVENT("content_block_stop", ",\"index\":0"));
    append_chunk(&anthropic.ending,
                 EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
                                        "\"usage\":{\"output_tokens\":61}"));
    append_chunk(&anthropic.done, EVENT("message_stop", ""));
    append_text(&anthropic.done, "0\r\n\r\n");
}

/* ---------------------------------------------------------------- connections */

static void unpace(Connection *c) {
    if (c->paced_slot < 0) return;
    paced[c->paced_slot] = paced[--paced_count];
    paced[c->paced_slot]->paced_slot = c->paced_slot;
    c->paced_slot = -1;
}

static void drop(Connection *c) {
    unpace(c);
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in.bytes);
    free(c->out.bytes);
    free(c);
}

static void append_event(Connection *c) {
    append(&c->out, c->wire->event.bytes, c->wire->event.length);
    if (--c->left > 0) return;
    append(&c->out, c->wire->ending.bytes, c->wire->ending.length);
    if (c->include_usage) append(&c->out, c->wire->usage.bytes, c->wire->usage.length);
    append(&c->out, c->wire->done.bytes, c->wire->done.length);
    c->streaming = 0;
    unpace(c);
}

/* Writes what is there, and what a burst still has to say; 0 when the connection is gone. */
static int flush(Connection *c) {
    for (;;) {
        while (c->streaming && !c->interval_ns && c->out.length - c->written < BATCH_BYTES) append_event(c);
        if (c->written == c->out.length) break;
        ssize_t n = send(c->fd, c->out.bytes + c->written, c->out.length - c->written, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return drop(c), 0;
        if (n < 0) break;
        c->written += (size_t)n;
        if (c->written == c->out.length) c->written = c->out.length = 0;
    }
    int wants = c->written < c->out.length;
    if (wants != c->wants_write) {
        struct epoll_event e = {.events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = c->fd};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
        c->wants_write = wants;
    }
    return 1;
}

static int is_true(const char *body, size_t length, const char *name) {
    const char *at = memmem(body, length, name, strlen(name)), *end = body + length;
    if (!at) return 0;
    for (at += strlen(name); at < end && (*at == ':' || *at == ' '); at++) {}
    return at < end && *at == 't';
}

static void answer(Connection *c, const char *head, size_t head_length, const char *body, size_t length) {
    size_t line = (size_t)((const char *)memchr(head, '\n', head_length) - head);
    c->wire = memmem(head, line, "/chat/completions", 17) ? &openai
              : memmem(head, line, "/messages", 9)        ? &anthropic
                                                          : NULL;
    if (!c->wire) {
        append(&c->out, empty_list.bytes, empty_list.length);
        return;
    }
    if (!is_true(body, length, "\"stream\"")) {
        append(&c->out, c->wire->answer.bytes, c->wire->answer.length);
        return;
    }
    long events = 8, interval_ms = 0;
    const char *model = memmem(body, length, "\"model\"", 7);
    if (model) {
        size_t rest = (size_t)(body + length - model);
        char name[96] = {0};
        memcpy(name, model, rest < sizeof name - 1 ? rest : sizeof name - 1);
        const char *found = strstr(name, "burst-");
        if (found) sscanf(found, "burst-%ld", &events);
        else if ((found = strstr(name, "paced-"))) sscanf(found, "paced-%ld-%ld", &events, &interval_ms);
    }
    c->left = events > 0 ? events : 1;
    c->interval_ns = (uint64_t)interval_ms * 1000000u;
    c->include_usage = is_true(body, length, "\"include_usage\"");
    c->streaming = 1;
    append(&c->out, c->wire->head.bytes, c->wire->head.length);
    append(&c->out, c->wire->opening.bytes, c->wire->opening.length);
    if (c->interval_ns && paced_count < MAX_FD) {
        /* Streams are spread over the interval, so that each event is a wake-up of its own. */
        static uint64_t spread;
        spread += 618034;
        c->due_ns = now_ns() + c->interval_ns / 1000000u * (spread % 1000000u);
        c->paced_slot = paced_count;
        paced[paced_count++] = c;
    }
}

/* Takes whole requests off the input; 0 when the connection is gone. */
static int serve(Connection *c) {
    while (!c->streaming && c->in.length) {
        char *end = memmem(c->in.bytes, c->in.length, "\r\n\r\n", 4);
        if (!end) break;
        size_t head = (size_t)(end - c->in.bytes) + 4, body = 0;
        for (char *line = c->in.bytes; line < end; line = (char *)memchr(line, '\n', head) + 1) {
            if (!strncasecmp(line, "content-length:", 15)) body = strtoul(line + 15, NULL, 10);
            if (!strncasecmp(line, "transfer-encoding:", 18)) {
                char *last = memmem(end + 2, c->in.length - head + 2, "\r\n0\r\n\r\n", 7);
                if (!last) return 1;
                body = (size_t)(last + 7 - c->in.bytes) - head;
            }
        }
        if (body > MAX_BODY_BYTES) return drop(c), 0;
        if (c->in.length < head + body) break;
        answer(c, c->in.bytes, head, c->in.bytes + head, body);
        c->in.length -= head + body;
        memmove(c->in.bytes, c->in.bytes + head + body, c->in.length);
        if (!flush(c)) return 0;
    }
    return 1;
}

static void receive(Connection *c) {
    for (;;) {
        if (c->in.capacity - c->in.length < 8192) {
            c->in.capacity = c->in.capacity ? c->in.capacity * 2 : 16384;
            if (!(c->in.bytes = realloc(c->in.bytes, c->in.capacity))) abort();
        }
        size_t room = c->in.capacity - c->in.length;
        ssize_t n = recv(c->fd, c->in.bytes + c->in.length, room, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) return drop(c);
        c->in.length += (size_t)n;
        if ((size_t)n < room) break;
    }
    serve(c);
}

static void welcome(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Connection *c = calloc(1, sizeof *c);
        if (!c) abort();
        c->fd = fd;
        c->paced_slot = -1;
        connections[fd] = c;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

/* ---------------------------------------------------------------- time */

static void send_due(void) {
    uint64_t ticks, now = now_ns();
    if (read(timer_fd, &ticks, sizeof ticks) < 0) return;
    for (int i = paced_count - 1; i >= 0; i--) {
        if (i >= paced_count || paced[i]->due_ns > now) continue;
        Connection *c = paced[i];
        c->due_ns += c->interval_ns;
        append_event(c);
        if (flush(c) && !c->streaming) serve(c);
    }
}

static void set_timer(void) {
    uint64_t first = 0;
    for (int i = 0; i < paced_count; i++)
        if (!first || paced[i]->due_ns < first) first = paced[i]->due_ns;
    struct itimerspec when = {.it_value = {(time_t)(first / 1000000000u), (long)(first % 1000000000u)}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    make_openai();
    make_anthropic();
    append_text(&empty_list, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n"
                             "{\"object\":\"list\",\"data\":[]}");
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) {
        perror("mock_upstream: cannot listen");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int watched[] = {listener, timer_fd};
    for (int i = 0; i < 2; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = watched[i]};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, watched[i], &e);
    }
    for (;;) {
        struct epoll_event events[512];
        int count = epoll_wait(poll_fd, events, 512, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) welcome(listener);
            else if (fd == timer_fd) send_due();
            else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && connections[fd]) receive(connections[fd]);
            if (fd != listener && fd != timer_fd && events[i].events & EPOLLOUT && connections[fd])
                if (flush(connections[fd])) serve(connections[fd]);
        }
        set_timer();
    }
}
