#include "queue/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "queue/redis_conn.h"

enum {
    START_MS = 10000,
    LOADING_MS = 300000, /* a big append-only file takes its time */
    STOP_MS = 10000,
    LOCK_MS = 10000,
    STEP_MS = 20,
};

struct ftl_embedded_redis {
    char *url;
    char *directory; /* absolute */
    int lock_fd;
    int pidfd;
    pid_t pid; /* 0 = not running, or reaped */
};

const char *ftl_embedded_url(const struct ftl_embedded_redis *server)
{
    return server->url;
}

int ftl_embedded_fd(const struct ftl_embedded_redis *server)
{
    return server->pidfd;
}

/* mkdir -p with 0700 for what is new. */
static enum ftl_code make_directory(const char *directory, struct ftl_err *err)
{
    char path[PATH_MAX];
    if (directory[0] == '\0' || !ftl_copy_text(path, sizeof(path), directory)) {
        return ftl_fail(err, FTL_QUEUE, "the directory for redis is empty or too long a name");
    }
    for (char *c = path + 1;; c++) {
        if (*c != '/' && *c != '\0') {
            continue;
        }
        char was = *c;
        *c = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            return ftl_fail_errno(err, FTL_QUEUE, errno, "create %s", path);
        }
        if (was == '\0') {
            return FTL_OK;
        }
        *c = was;
    }
}

/* One server a directory. The server inherits the descriptor, and with it the lock: an old one that
 * still writes its file keeps a new one out. */
static enum ftl_code lock_directory(struct ftl_embedded_redis *server, struct ftl_err *err)
{
    FTL_AUTO_STR struct ftl_str path = FTL_STR_INIT(PATH_MAX + 8);
    ftl_str_printf(&path, "%s/lock", server->directory);
    server->lock_fd = open(ftl_str_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (server->lock_fd < 0) {
        return ftl_fail_errno(err, FTL_QUEUE, errno, "open %s", ftl_str_text(&path));
    }
    int64_t until_ms = ftl_mono_ms() + LOCK_MS;
    while (flock(server->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || ftl_mono_ms() >= until_ms) {
            return ftl_fail_errno(err, FTL_QUEUE, errno, "%s is used by another redis-server",
                                  server->directory);
        }
        (void)poll(NULL, 0, STEP_MS); /* flock has no time limit, and gives no event */
    }
    return FTL_OK;
}

/* In the child, between fork and exec: only calls that are safe there. */
static void become_server(char *const *argv, pid_t parent, int lock_fd, int report_fd)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these */
    for (int number = 1; number < SIGRTMAX; number++) {
        (void)signal(number, SIG_DFL); /* some cannot be set, and need not be */
    }
    (void)setpgid(0,
                  0); /* Ctrl-C at the terminal is for the worker, which still needs the server */
    int null_fd = open("/dev/null", O_RDWR);
    bool is_ready = prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && null_fd >= 0 &&
                    dup2(null_fd, STDIN_FILENO) >= 0 && dup2(null_fd, STDOUT_FILENO) >= 0 &&
                    dup2(null_fd, STDERR_FILENO) >= 0 && fcntl(lock_fd, F_SETFD, 0) == 0;
    if (is_ready) {
        (void)execvp(argv[0], argv); /* returns only with an error */
    }
    int number = errno;
    (void)!write(report_fd, &number, sizeof(number)); /* the exit status says enough without it */
    _exit(127);
}

/* The errno of a child that could not become the server; 0 when it could. */
static int read_report(int report_fd)
{
    int number = 0;
    ssize_t got = 0;
    do {
        got = read(report_fd, &number, sizeof(number));
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(number) ? number : 0;
}

static enum ftl_code spawn(struct ftl_embedded_redis *server, char *const *argv,
                           struct ftl_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return ftl_fail_errno(err, FTL_QUEUE, errno, "start redis-server");
    }
    FTL_AUTO_FD int report_fd = ends[0];
    FTL_AUTO_FD int child_fd = ends[1];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        return ftl_fail_errno(err, FTL_QUEUE, errno, "start redis-server");
    }
    if (pid == 0) {
        become_server(argv, parent, server->lock_fd, child_fd);
    }
    server->pid = pid;
    (void)close(ftl_take_fd(&child_fd)); /* so that the report ends when the child executes */
    int number = read_report(report_fd);
    if (number == ENOENT) {
        return ftl_fail(err, FTL_QUEUE,
                        "no redis-server on the PATH: install it, or name a running one");
    }
    if (number != 0) {
        return ftl_fail_errno(err, FTL_QUEUE, number, "start redis-server");
    }
    server->pidfd = pidfd_open(pid, 0);
    return server->pidfd >= 0 ? FTL_OK
                              : ftl_fail_errno(err, FTL_QUEUE, errno, "start redis-server");
}

static enum ftl_code spawn_server(struct ftl_embedded_redis *server, const char *socket_path,
                                  struct ftl_err *err)
{
    const char *const words[] = {
        "redis-server",    "--port",           "0",   "--unixsocket",
        socket_path,       "--unixsocketperm", "700", "--dir",
        server->directory, "--appendonly",     "yes", "--appendfsync",
        "everysec",        "--save",           "",    "--maxmemory-policy",
        "noeviction",      "--daemonize",      "no",  "--logfile",
        "redis.log",
    };
    enum { WORDS = sizeof(words) / sizeof(words[0]) };
    char *argv[WORDS + 1] = {NULL};
    enum ftl_code code = FTL_OK;
    for (size_t i = 0; i < WORDS && code == FTL_OK; i++) {
        argv[i] = ftl_strdup(words[i]);
        if (argv[i] == NULL) {
            code = ftl_fail(err, FTL_NOMEM, "no memory to start redis-server");
        }
    }
    if (code == FTL_OK) {
        code = spawn(server, argv, err);
    }
    for (size_t i = 0; i < WORDS; i++) {
        ftl_free(argv[i]);
    }
    return code;
}

/* True once the child has ended within `ms`. */
static bool has_ended(const struct ftl_embedded_redis *server, int ms)
{
    struct pollfd entry = {.fd = server->pidfd, .events = POLLIN};
    return poll(&entry, 1, ms) > 0;
}

static enum ftl_code wait_until_up(struct ftl_embedded_redis *server, struct ftl_err *err)
{
    struct ftl_redis *redis = NULL;
    const struct ftl_redis_config config = {.url = server->url, .connect_timeout_ms = 1000};
    if (ftl_redis_new(&config, NULL, NULL, &redis, err) != FTL_OK) {
        return err->code;
    }
    int64_t start_ms = ftl_mono_ms();
    enum ftl_code code = FTL_OK;
    for (;;) {
        struct ftl_redis_args args = {0};
        FTL_AUTO(reply) redisReply *reply = NULL;
        ftl_redis_arg(&args, "PING");
        code = ftl_redis_call(redis, &args, &reply, err);
        if (code == FTL_OK) {
            break;
        }
        bool is_loading = ftl_redis_is_connected(redis); /* it answered, if only LOADING */
        if (ftl_mono_ms() - start_ms > (is_loading ? LOADING_MS : START_MS)) {
            (void)ftl_wrap(err, "redis-server did not come up");
            break;
        }
        if (has_ended(server, STEP_MS)) {
            code = ftl_fail(err, FTL_QUEUE, "redis-server ended at once: see %s/redis.log",
                            server->directory);
            break;
        }
    }
    ftl_redis_free(redis);
    return code;
}

/* The URL wants its path percent-encoded where it could be misread. */
static char *make_url(const char *socket_path)
{
    FTL_AUTO_STR struct ftl_str url = FTL_STR_INIT(4 * PATH_MAX);
    ftl_str_add(&url, "unix://");
    for (const char *c = socket_path; *c != '\0'; c++) {
        if (strchr("%?#&=@ ", *c) != NULL) {
            ftl_str_printf(&url, "%%%02X", (unsigned)(unsigned char)*c);
        } else {
            ftl_str_add_bytes(&url, c, 1);
        }
    }
    return ftl_strdup(ftl_str_text(&url));
}

static enum ftl_code start(struct ftl_embedded_redis *server, const char *directory,
                           struct ftl_err *err)
{
    char path[PATH_MAX];
    if (make_directory(directory, err) != FTL_OK) {
        return err->code;
    }
    if (realpath(directory, path) == NULL) {
        return ftl_fail_errno(err, FTL_QUEUE, errno, "open %s", directory);
    }
    FTL_AUTO_STR struct ftl_str socket_path = FTL_STR_INIT(PATH_MAX + 16);
    ftl_str_printf(&socket_path, "%s/redis.sock", path);
    const struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (socket_path.length >= sizeof(address.sun_path)) {
        return ftl_fail(err, FTL_QUEUE,
                        "%s is too long a name for a socket in it (at most %zu bytes)", path,
                        sizeof(address.sun_path) - strlen("/redis.sock") - 1);
    }
    server->directory = ftl_strdup(path);
    server->url = make_url(ftl_str_text(&socket_path));
    if (server->directory == NULL || server->url == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory to start redis-server");
    }
    if (lock_directory(server, err) != FTL_OK ||
        spawn_server(server, ftl_str_text(&socket_path), err) != FTL_OK)
    {
        return err->code;
    }
    return wait_until_up(server, err);
}

enum ftl_code ftl_embedded_start(const char *directory, const struct ftl_log *log,
                                 struct ftl_embedded_redis **ret, struct ftl_err *err)
{
    struct ftl_embedded_redis *server = ftl_calloc(1, sizeof(*server));
    if (server == NULL) {
        return ftl_fail(err, FTL_NOMEM, "no memory to start redis-server");
    }
    server->lock_fd = -1;
    server->pidfd = -1;
    if (start(server, directory, err) != FTL_OK) {
        ftl_embedded_stop(server);
        return err->code;
    }
    FTL_LOG(log, INFO, "private redis-server started", FTL_LOG_TEXT("directory", server->directory),
            FTL_LOG_INT("pid", server->pid));
    *ret = server;
    return FTL_OK;
}

static void end_child(struct ftl_embedded_redis *server)
{
    (void)kill(server->pid, SIGTERM); /* redis writes and syncs its file, then exits */
    if (server->pidfd >= 0 && !has_ended(server, STOP_MS)) {
        (void)kill(server->pid, SIGKILL); /* not yet reaped, so the pid is still its own */
    }
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

void ftl_embedded_stop(struct ftl_embedded_redis *server)
{
    if (server == NULL) {
        return;
    }
    if (server->pid > 0) {
        end_child(server);
    }
    ftl_auto_fd(&server->pidfd);
    ftl_auto_fd(&server->lock_fd);
    ftl_free(server->url);
    ftl_free(server->directory);
    ftl_free(server);
}
