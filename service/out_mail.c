/* Outbound mail: one message to one mail server, carried by libcurl's SMTP. Called by out.c for
 * requests with an envelope; owns a thread per mail on its way; leaves to libcurl the dialogue, TLS,
 * signing in and the dots that begin lines, to adapters what a reply means.
 *
 * Why a thread. libcurl's SMTP is not asynchronous to its end (smtp_done and smtp_disconnect in its
 * lib/smtp.c, 7.88): behind the message it waits, blocking, for the reply, and then for the reply to
 * QUIT. On the loop a server that thinks would stop everything else. And a transfer taken out of a
 * multi handle half-way is ended there by the final dot, which delivers half a mail. So a mail is a
 * curl_easy_perform() in a thread of its own, on a connection of its own, and is broken off only by
 * its callbacks.
 *
 * Once or not at all. A server takes a message when it has the line with the final dot, nothing before
 * that (RFC 5321 section 4.1.1.4). libcurl sends that line after on_read() has said that there is no
 * more, and never otherwise: an error, a timeout or an abort before that closes the connection. (The
 * size is not told to libcurl, so that it always asks for the end.) Therefore
 *
 *   on_read() has not said so       NOT_SENT: whatever happened, nobody has this mail. A reply that
 *                                   says no (400 and above) is an answer, to the command it follows
 *   it has, a whole reply came      ANSWERED, by this reply
 *   it has, and no whole reply came LOST: the server may have it, or not
 *
 * libcurl does not send a mail again by itself: Curl_retry_request() leaves uploads by SMTP alone, and
 * there is no pooled connection it could take for a stale one.
 *
 * Breaking off races with on_read(): both want to move `turn` away from MAIL_GOING, one of them does.
 * So "broken off before the end" is certain too, at once, though the thread ends only when libcurl
 * next asks on_progress(), within a second. */

#include "service/out_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"

#define TIMEOUT_MS (10 * MS_MINUTE) /* RFC 5321 section 4.5.3.2.6 */
/* Servers that mistrust strangers let them wait for the greeting. */
#define CONNECT_TIMEOUT_MS (60 * MS_SECOND)
#define QUIT_US 1000000 /* what the reply to QUIT may take */
#define REPLY_BYTES ((size_t)16 * 1024)
#define DIALOGUE_BYTES ((size_t)128 * 1024) /* of all replies together */

enum mail_turn {
    MAIL_GOING,
    MAIL_ENDING, /* the final dot is on its way */
    MAIL_BROKEN, /* broken off before that */
};

struct out_mail {
    struct list_node node; /* in out->mails */
    struct out *out;
    struct out_exchange *x; /* of the loop; NULL: broken off */
    uv_thread_t thread;
    /* made before the thread begins, then left alone */
    CURL *curl;
    struct curl_slist *to;
    char *message;
    size_t len;
    bool is_noop, allow_private;
    /* the thread's, and the loop's when it has joined it */
    size_t at; /* so much of the message is handed out */
    enum mail_stage stage;
    struct buf reply; /* text of the last reply, whole or not */
    int status;       /* of the last whole one */
    enum mail_stage replied_to;
    bool reply_whole;
    size_t heard_bytes;
    bool answered; /* the message's reply is here */
    int64_t
        quit_at_us; /* we are saying goodbye, what comes now is of no interest; 0: not yet */
    CURLcode code;
    char error[CURL_ERROR_SIZE];
    char refused[OUT_ADDRESS_BYTES];
    int64_t connect_us, first_byte_us;
    /* both sides' */
    atomic_int turn;      /* enum mail_turn */
    atomic_bool unwanted; /* nobody waits for it any more */
    atomic_bool over;
};

/* ---- the message goes out ---- */

static size_t on_read(char *to, size_t size, size_t count, void *context)
{
    struct out_mail *m = context;
    size_t n = m->len - m->at < size * count ? m->len - m->at : size * count;
    int going = MAIL_GOING;

    if (FAULT("mail.send")) {
        return CURL_READFUNC_ABORT;
    }
    if (n > 0) {
        memcpy(to, m->message + m->at, n);
        m->at += n;
        return n;
    }
    if (!atomic_compare_exchange_strong(&m->turn, &going, MAIL_ENDING) &&
        going == MAIL_BROKEN) {
        return CURL_READFUNC_ABORT;
    }
    return FAULT("mail.end") ? CURL_READFUNC_ABORT : 0; /* libcurl sends the final dot now */
}

static bool begins(const char *line, size_t len, const char *word)
{
    size_t n = strlen(word);

    return len >= n && memcmp(line, word, n) == 0;
}

/* The command that left says what the next reply is to. Answers to a server that asks for the password
 * go by here too; they are base64, so none begins like a command. */
static int on_debug(CURL *curl, curl_infotype type, char *line, size_t len, void *context)
{
    static const struct {
        const char *word;
        enum mail_stage stage;
    } commands[] = {
        {"EHLO ", MAIL_HELLO},
        {"HELO ", MAIL_HELLO},
        {"STARTTLS\r", MAIL_STARTTLS},
        {"AUTH ", MAIL_LOGIN},
        {"MAIL FROM:", MAIL_SENDER},
        {"RCPT TO:", MAIL_RECIPIENT},
        {"DATA\r", MAIL_DATA},
        {"NOOP\r", MAIL_NOOP},
    };
    struct out_mail *m = context;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT && begins(line, len, "QUIT\r")) {
        m->quit_at_us = clock_mono_us();
    }
    for (size_t i = 0; type == CURLINFO_HEADER_OUT && i < ARRAY_LEN(commands); i++) {
        if (begins(line, len, commands[i].word)) {
            m->stage = commands[i].stage;
        }
    }
    return 0;
}

/* ---- replies come in ---- */

/* "250 text", "250-text" or "250" (RFC 5321 section 4.2): its code; 0: no reply, libcurl skips it. */
static int reply_code(const char *line, size_t len)
{
    static const char behind[] = {' ', '-', '\r', '\n'};
    char digits[4] = "";
    int64_t code;

    if (len < 4 || !memchr(behind, line[3], sizeof behind)) {
        return 0;
    }
    memcpy(digits, line, 3);
    if (strspn(digits, "0123456789") != 3) {
        return 0;
    }
    return parse_i64(digits, &code) ? (int)code : 0;
}

static void note_whole(struct out_mail *m, int code)
{
    m->status = code;
    m->replied_to = m->stage;
    m->reply_whole = true;
    if (m->stage == MAIL_MESSAGE) {
        m->answered = true;
    } else if (m->stage == MAIL_DATA && code == 354) {
        m->stage = MAIL_MESSAGE;
    }
}

static void note_text(struct out_mail *m, const char *text, size_t len)
{
    size_t room = REPLY_BYTES - m->reply.len;

    while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == '\n')) {
        len--;
    }
    if (m->reply.len > 0 && room > 0) {
        buf_addc(&m->reply, '\n');
        room--;
    }
    buf_add(&m->reply, text, len < room ? len : room);
}

static size_t on_line(char *line, size_t size, size_t count, void *context)
{
    struct out_mail *m = context;
    size_t len = size * count;
    int code = reply_code(line, len);

    m->heard_bytes += len;
    if (m->heard_bytes > DIALOGUE_BYTES || FAULT("mail.receive")) {
        return 0; /* somebody who does not stop talking: CURLE_WRITE_ERROR */
    }
    if (code == 0 || m->answered || m->quit_at_us) {
        return len;
    }
    if (m->reply_whole) { /* that was the one before */
        buf_clear(&m->reply);
        m->reply_whole = false;
    }
    note_text(m, line + (len > 4 ? 4 : 3), len - (len > 4 ? 4 : 3));
    if (line[3] != '-') {
        note_whole(m, code);
    }
    return len;
}

/* libcurl also hands out what NOOP is answered with; on_line() has it. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

/* ---- */

/* Called about every second, also while libcurl waits. Not 0: end it. */
static int on_progress(
    void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct out_mail *m = context;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (m->quit_at_us) {
        return clock_mono_us() - m->quit_at_us > QUIT_US;
    }
    return atomic_load(&m->unwanted);
}

static curl_socket_t
on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct out_mail *m = context;

    (void)purpose;
    return out__open_socket(m->allow_private, a, m->refused);
}

static int64_t info_us(const struct out_mail *m, CURLINFO which)
{
    curl_off_t us = 0;

    return curl_easy_getinfo(m->curl, which, &us) == CURLE_OK ? (int64_t)us : 0;
}

static void run(void *arg)
{
    struct out_mail *m = arg;

    m->code = curl_easy_perform(m->curl);
    m->connect_us = info_us(m, CURLINFO_CONNECT_TIME_T);
    m->first_byte_us = info_us(m, CURLINFO_STARTTRANSFER_TIME_T);
    curl_easy_cleanup(m->curl);
    m->curl = NULL;
    atomic_store(&m->over, true);
    must(uv_async_send(&m->out->mail_wake) == 0);
}

/* ---- making one ---- */

#define SET(option, value) must(curl_easy_setopt(m->curl, option, value) == CURLE_OK)

static bool is_tls_url(const char *url)
{
    return strncmp(url, "smtps://", 8) == 0;
}

static bool is_mail_url(const char *url)
{
    return strncmp(url, "smtp://", 7) == 0 || is_tls_url(url);
}

static void set_safety(struct out_mail *m, const struct http_request *r)
{
    static const long use[] = {
        [MAIL_TLS_REQUIRED] = CURLUSESSL_ALL,
        [MAIL_TLS_IF_OFFERED] = CURLUSESSL_TRY,
        [MAIL_TLS_NONE] = CURLUSESSL_NONE,
    };

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROTOCOLS_STR, is_tls_url(r->url) ? "smtps" : "smtp");
    SET(CURLOPT_PROXY, ""); /* none from the environment */
    SET(CURLOPT_USE_SSL, use[r->mail->tls]);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    out__set_authorities(m->curl);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, m);
}

static void set_times(struct out_mail *m, const struct out_exchange *x)
{
    int64_t total = x->timeout_ms > 0 ? x->timeout_ms : TIMEOUT_MS;
    int64_t connect = x->connect_timeout_ms > 0 ? x->connect_timeout_ms : CONNECT_TIMEOUT_MS;

    SET(CURLOPT_TIMEOUT_MS, (long)total);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(connect < total ? connect : total));
    /* Of one reply; libcurl's own idea of it is two minutes. */
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(total / MS_SECOND + 1));
}

static void set_ears(struct out_mail *m)
{
    SET(CURLOPT_ERRORBUFFER, m->error);
    SET(CURLOPT_HEADERFUNCTION, on_line);
    SET(CURLOPT_HEADERDATA, m);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, m);
    SET(CURLOPT_VERBOSE, 1L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, m);
    SET(CURLOPT_NOPROGRESS, 0L);
}

static void set_login(struct out_mail *m, const struct mail_envelope *mail)
{
    if (!mail->user) {
        return;
    }
    SET(CURLOPT_USERNAME, mail->user);
    SET(CURLOPT_PASSWORD, mail->password.text ? mail->password.text : "");
    /* Any, to libcurl, begins with Kerberos where the server has it and the name has an "@". */
    SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    SET(CURLOPT_SASL_IR, 1L);
}

static void set_mail(struct out_mail *m, const struct mail_envelope *mail)
{
    if (m->is_noop) {
        SET(CURLOPT_CUSTOMREQUEST, "NOOP");
        SET(CURLOPT_NOBODY, 1L);
        return;
    }
    m->to = curl_slist_append(NULL, mail->to);
    must(m->to != NULL);
    SET(CURLOPT_MAIL_FROM, mail->from);
    SET(CURLOPT_MAIL_RCPT, m->to);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, m);
}

static struct out_mail *mail_new(struct out_exchange *x)
{
    const struct http_request *r = x->request;
    struct out_mail *m = mem_zalloc(sizeof *m);

    m->out = x->out;
    m->x = x;
    m->stage = MAIL_GREETING;
    m->is_noop = r->mail->to == NULL;
    m->allow_private = x->allow_private;
    m->len = r->body.len;
    m->message = mem_strndup(buf_str(&r->body), r->body.len); /* the request may go before us */
    buf_init(&m->reply, REPLY_BYTES);
    m->curl = curl_easy_init();
    must(m->curl != NULL);
    SET(CURLOPT_URL, r->url);
    set_safety(m, r);
    set_times(m, x);
    set_ears(m);
    set_login(m, r->mail);
    set_mail(m, r->mail);
    return m;
}

static void mail_free(struct out_mail *m)
{
    curl_easy_cleanup(m->curl);
    curl_slist_free_all(m->to);
    mem_free(m->message);
    buf_done(&m->reply);
    mem_free(m);
}

bool out__mail_start(struct out_exchange *x)
{
    struct out *o = x->out;
    struct out_mail *m;
    int rc;

    if (!x->request->url || !is_mail_url(x->request->url)) {
        (void)snprintf(
            x->error, sizeof x->error, "the address of the request is no mail server's");
        return false;
    }
    m = mail_new(x);
    rc = FAULT("mail.thread") ? UV_EAGAIN : uv_thread_create(&m->thread, run, m);
    if (rc != 0) {
        (void)snprintf(x->error, sizeof x->error, "no thread for it: %s", uv_strerror(rc));
        mail_free(m);
        return false;
    }
    uv_ref((uv_handle_t *)&o->mail_wake);
    list_push(&o->mails, &m->node);
    x->mail = m;
    return true;
}

/* ---- how one ends ---- */

static enum transport_outcome outcome_of(const struct out_mail *m)
{
    if (atomic_load(&m->turn) == MAIL_ENDING) {
        return m->answered ? TRANSPORT_ANSWERED : TRANSPORT_LOST;
    }
    if (m->reply_whole && (m->status >= 400 || (m->is_noop && m->code == CURLE_OK))) {
        return TRANSPORT_ANSWERED;
    }
    return TRANSPORT_NOT_SENT;
}

static void fill_error(struct out_exchange *x, const struct out_mail *m)
{
    const char *text = m->error[0] ? m->error : curl_easy_strerror(m->code);

    if (m->refused[0] != '\0') {
        out__say_refused(x, m->refused);
    } else if (m->code == CURLE_OK) {
        (void)snprintf(x->error, sizeof x->error, "no answer that can be read");
    } else if (m->heard_bytes > DIALOGUE_BYTES) {
        (void)snprintf(x->error, sizeof x->error, "the server does not stop talking");
    } else if (m->connect_us == 0) {
        (void)snprintf(x->error, sizeof x->error, "%s", text);
    } else {
        (void)snprintf(
            x->error, sizeof x->error, "%s: %.200s", mail_stage_name(m->stage), text);
    }
}

static void end(struct out_exchange *x)
{
    x->mail = NULL;
    x->timing.total_us = clock_mono_us() - x->start_us;
    x->response.body = buf_str(&x->body);
    x->response.body_len = x->body.len;
    x->response.now_ms = clock_wall_ms();
    list_remove(&x->out->running, &x->node);
    list_push(&x->out->ended, &x->node);
}

/* The thread is over. */
static void tell(struct out_exchange *x, const struct out_mail *m)
{
    x->outcome = outcome_of(m);
    x->timing.connect_us = m->connect_us;
    x->timing.first_byte_us = m->first_byte_us;
    x->left = m->at > 0;
    if (x->outcome == TRANSPORT_ANSWERED) {
        x->response.status = m->status;
        x->response.stage = m->replied_to;
        buf_add(&x->body,
                buf_str(&m->reply),
                m->reply.len < x->body.max ? m->reply.len : x->body.max);
    } else {
        fill_error(x, m);
    }
    end(x);
}

static void join(struct out_mail *m)
{
    struct out *o = m->out;

    must(uv_thread_join(&m->thread) == 0);
    list_remove(&o->mails, &m->node);
    if (list_empty(&o->mails)) {
        uv_unref((uv_handle_t *)&o->mail_wake);
    }
    if (m->x) {
        tell(m->x, m);
    }
    mail_free(m);
}

void out__on_mail_wake(uv_async_t *wake)
{
    struct out *o = wake->data;
    struct list_node *next;

    for (struct list_node *n = list_first(&o->mails); n; n = next) {
        struct out_mail *m = container_of(n, struct out_mail, node);

        next = list_next(&o->mails, n);
        if (atomic_load(&m->over)) {
            join(m);
        }
    }
    out__run_ended(o);
}

void out__mail_cancel(struct out_exchange *x)
{
    struct out_mail *m = x->mail;
    int going = MAIL_GOING;

    if (atomic_load(&m->over)) { /* it has ended, we were about to hear */
        join(m);
        return;
    }
    x->outcome = atomic_compare_exchange_strong(&m->turn, &going, MAIL_BROKEN)
                     ? TRANSPORT_NOT_SENT
                     : TRANSPORT_LOST;
    (void)snprintf(x->error, sizeof x->error, "broken off by us");
    m->x = NULL;
    atomic_store(&m->unwanted, true);
    end(x);
}

void out__mail_join(struct out *o)
{
    struct list_node *n;

    while ((n = list_first(&o->mails)) != NULL) {
        join(container_of(n, struct out_mail, node));
    }
}
