/* `crier serve` and `crier version`: the one hands over to serve.c, the other says what runs.
 */

#include "service/cli.h"

#include <curl/curl.h>
#include <jansson.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <uv.h>

#include "base/json.h"
#include "service/cli_print.h"
#include "service/serve.h"

int cli_serve(const struct cli_args *args)
{
    const char *path = cli_config_path(args);

    return path == NULL ? CLI_USAGE : serve_run(path);
}

int cli_version(const struct cli_args *args)
{
    const struct {
        const char *name, *version;
    } rows[] = {
        {"crier", CRIER_VERSION},
        {"libuv", uv_version_string()},
        {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
        {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"sqlite", sqlite3_libversion()},
        {"libmicrohttpd", MHD_get_version()},
        {"jansson", jansson_version_str()},
    };
    json_t *v = json_object();

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (args->json) {
            json_set_str(v, rows[i].name, rows[i].version);
        } else {
            (void)printf("%s %s\n", rows[i].name, rows[i].version);
        }
    }
    if (args->json) {
        cli_print_json(v);
    }
    json_decref(v);
    return CLI_OK;
}
