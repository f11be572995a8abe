/* Closed-loop load over keep-alive connections: each sends its next request when its answer is whole.
 *
 *   load --port P --request FILE [--connections 1] [--requests 1000] [--seconds 60] [--bytes N]
 *
 * FILE is the raw HTTP/1.1 request. --bytes: what a length-delimited body must have. Prints one JSON
 * object: requests, errors, unfinished, seconds, rps, latencies in microseconds, events (blank-line
 * terminated, in chunked bodies) and body bytes. Bounded in count and in time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16384, READ_BYTES = 262144, MAX_CONNECTIONS = 8192 };

typedef enum { HEAD, LENGTH, SIZE, DATA, DATA_END, TRAILER } State;

typedef struct {
    int fd, status, last_newline, wants_write, busy, closes;
    State state;
    char head[HEAD_BYTES];
    size_t head_length, sent, left, body_bytes;
    uint64_t began_ns, first_ns;
} Connection;

static Connection *connections;
static struct sockaddr_in address;
static char *request;
static size_t request_length, expected_bytes;
static long wanted = 1000, started, finished, errors;
static unsigned long long events_seen, bytes_seen;
static uint32_t *whole_us, *first_us;
static int poll_fd;
static char first_error[200];

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void watch(Connection *c, int operation, int wants_write) {
    struct epoll_event e = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(poll_fd, operation, c->fd, &e)) die("epoll_ctl");
    c->wants_write = wants_write;
}

static void open_connection(Connection *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) die("connect");
    watch(c, EPOLL_CTL_ADD, 1);
}

static void write_request(Connection *c);

static void begin(Connection *c) {
    c->busy = started < wanted;
    if (!c->busy) return;
    started++;
    c->state = HEAD;
    c->head_length = c->sent = c->body_bytes = 0;
    c->first_ns = 0;
    c->began_ns = now_ns();
    write_request(c);
}

static void reopen(Connection *c) {
    close(c->fd);
    c->closes = 0;
    open_connection(c);
}

static void fail(Connection *c, const char *why) {
    if (!errors++) snprintf(first_error, sizeof first_error, "%s (status %d)", why, c->status);
    finished++;
    reopen(c);
    begin(c);
}

static void write_request(Connection *c) {
    while (c->sent < request_length) {
        ssize_t n = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS)) break;
        if (n < 0) return; /* the reading side reports it */
        c->sent += (size_t)n;
    }
    int wants = c->sent < request_length;
    if (wants != c->wants_write) watch(c, EPOLL_CTL_MOD, wants);
}

static void complete(Connection *c) {
    uint64_t end = now_ns();
    if (c->status != 200) return fail(c, "not a 200");
    whole_us[finished] = (uint32_t)((end - c->began_ns) / 1000u);
    first_us[finished] = (uint32_t)((c->first_ns - c->began_ns) / 1000u);
    finished++;
    bytes_seen += c->body_bytes;
    if (c->closes) reopen(c);
    begin(c);
}

static const char *header(Connection *c, const char *name) {
    size_t length = strlen(name);
    for (char *line = c->head; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (!strncasecmp(line, name, length)) return line + length;
    return NULL;
}

/* Reads the head; 0 when it is not whole yet, else how many of the bytes were its. */
static size_t read_head(Connection *c, const char *bytes, size_t length) {
    size_t before = c->head_length, take = length;
    if (before + take >= HEAD_BYTES) take = HEAD_BYTES - 1 - before;
    memcpy(c->head + before, bytes, take);
    c->head_length += take;
    char *end = memmem(c->head, c->head_length, "\r\n\r\n", 4);
    if (!end) return 0;
    end[2] = 0;
    size_t head = (size_t)(end - c->head) + 4;
    c->status = atoi(c->head + 9);
    const char *connection = header(c, "connection:"), *size = header(c, "content-length:");
    c->closes = connection && !strncasecmp(connection, " close", 6);
    c->left = size ? strtoul(size, NULL, 10) : 0;
    c->state = size ? LENGTH : SIZE;
    c->last_newline = 0;
    c->first_ns = now_ns();
    return head - before;
}

static void count_events(Connection *c, const char *bytes, size_t length) {
    const char *at = bytes, *end = bytes + length;
    if (c->last_newline && *at == '\n') events_seen++;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        if (++at == end) break;
        if (*at == '\n') events_seen++, at++;
        if (at == end) break;
    }
    c->last_newline = length > 1 ? end[-1] == '\n' && end[-2] != '\n' : end[-1] == '\n' && !c->last_newline;
}

/* One answer's bytes; 1 when the connection has gone on to something else. */
static int consume(Connection *c, const char *at, size_t length) {
    const char *end = at + length;
    while (at < end || (c->state == LENGTH && !c->left)) {
        switch (c->state) {
        case HEAD: {
            size_t used = read_head(c, at, (size_t)(end - at));
            if (!used) return c->head_length >= HEAD_BYTES - 1 ? fail(c, "head too long"), 1 : 0;
            at += used;
            if (c->state == LENGTH && expected_bytes && c->status == 200 && c->left != expected_bytes)
                return fail(c, "unexpected content-length"), 1;
            break;
        }
        case LENGTH: {
            size_t n = (size_t)(end - at) < c->left ? (size_t)(end - at) : c->left;
            at += n, c->left -= n, c->body_bytes += n;
            if (!c->left) return at < end ? (fail(c, "bytes after the body"), 1) : (complete(c), 1);
            break;
        }
        case SIZE:
            for (; at < end; at++) {
                if (*at == '\n') {
                    c->state = c->left ? DATA : TRAILER;
                    c->head_length = 0;
                    at++;
                    break;
                }
                if (*at >= '0' && *at <= '9') c->left = c->left * 16 + (size_t)(*at - '0');
                else if ((*at | 32) >= 'a' && (*at | 32) <= 'f') c->left = c->left * 16 + (size_t)((*at | 32) - 'a' + 10);
            }
            break;
        case DATA: {
            size_t n = (size_t)(end - at) < c->left ? (size_t)(end - at) : c->left;
            count_events(c, at, n);
            at += n, c->left -= n, c->body_bytes += n;
            if (!c->left) c->state = DATA_END;
            break;
        }
        case DATA_END:
            if (*at++ == '\n') c->state = SIZE;
            break;
        case TRAILER: /* an empty line ends it; head_length counts the line's bytes */
            if (*at == '\n' && c->head_length <= 1) return complete(c), 1;
            c->head_length = *at == '\n' ? 0 : c->head_length + 1;
            at++;
            break;
        }
    }
    return 0;
}

static void receive(Connection *c) {
    static char bytes[READ_BYTES];
    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            if (c->busy) return fail(c, n ? strerror(errno) : "closed before the answer was whole");
            return reopen(c);
        }
        if (!c->busy) return fail(c, "bytes without a request");
        if (consume(c, bytes, (size_t)n)) return;
        if ((size_t)n < sizeof bytes) return;
    }
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t quantile(const uint32_t *sorted, long count, double q) {
    return count ? sorted[(long)((double)(count - 1) * q)] : 0;
}

static void read_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    fseek(file, 0, SEEK_END);
    request_length = (size_t)ftell(file);
    rewind(file);
    request = malloc(request_length);
    if (!request || fread(request, 1, request_length, file) != request_length) die(path);
    fclose(file);
}

int main(int argc, char **argv) {
    long count = 1, port = 0;
    double seconds = 60;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (!strcmp(name, "--port")) port = atol(value);
        else if (!strcmp(name, "--connections")) count = atol(value);
        else if (!strcmp(name, "--requests")) wanted = atol(value);
        else if (!strcmp(name, "--seconds")) seconds = atof(value);
        else if (!strcmp(name, "--bytes")) expected_bytes = strtoul(value, NULL, 10);
        else if (!strcmp(name, "--request")) read_request(value);
        else port = 0, i = argc;
    }
    if (!port || !request || count < 1 || count > MAX_CONNECTIONS || wanted < 1) {
        fprintf(stderr, "usage: load --port P --request FILE [--connections N] [--requests N] "
                        "[--seconds S] [--bytes N]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (count > wanted) count = wanted;
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    whole_us = calloc((size_t)wanted, sizeof *whole_us);
    first_us = calloc((size_t)wanted, sizeof *first_us);
    connections = calloc((size_t)count, sizeof *connections);
    if (!whole_us || !first_us || !connections) die("memory");
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    uint64_t began = now_ns(), deadline = began + (uint64_t)(seconds * 1e9);
    for (long i = 0; i < count; i++) {
        open_connection(&connections[i]);
        begin(&connections[i]);
    }
    while (finished < wanted && now_ns() < deadline) {
        struct epoll_event ready[512];
        int n = epoll_wait(poll_fd, ready, 512, 100);
        for (int i = 0; i < n; i++) {
            Connection *c = ready[i].data.ptr;
            if (ready[i].events & EPOLLOUT) {
                if (c->busy) write_request(c);
                else watch(c, EPOLL_CTL_MOD, 0);
            }
            if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
        }
    }
    double took = (double)(now_ns() - began) / 1e9;
    long good = finished - errors;
    /* a failed request leaves a zero in the tables: sort and look past them */
    qsort(whole_us, (size_t)finished, sizeof *whole_us, ascending);
    qsort(first_us, (size_t)finished, sizeof *first_us, ascending);
    const uint32_t *whole = whole_us + errors, *first = first_us + errors;
    printf("{\"requests\": %ld, \"errors\": %ld, \"unfinished\": %ld, \"seconds\": %.4f, \"rps\": %.1f, "
           "\"p50_us\": %u, \"p99_us\": %u, \"first_p50_us\": %u, \"first_p99_us\": %u, "
           "\"events\": %llu, \"body_bytes\": %llu, \"first_error\": \"%s\"}\n",
           good, errors, started - finished, took, (double)good / took, quantile(whole, good, 0.5),
           quantile(whole, good, 0.99), quantile(first, good, 0.5), quantile(first, good, 0.99), events_seen,
           bytes_seen, first_error);
    return 0;
}
