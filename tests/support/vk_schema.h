#ifndef CRIER_TESTS_VK_SCHEMA_H
#define CRIER_TESTS_VK_SCHEMA_H

/* Calls of VK's methods held against its description (VKCOM/vk-api-schema, tests/fixtures/specs/vk): the
 * method must exist, with these parameters of these types. Shares no code with the adapter. */

#include "adapters/http.h"
#include "support/schema.h"

/* NULL: there is no such method. */
const json_t *vk_method(const json_t *methods, const char *name);
/* A form as it is sent, with `v` and `access_token`. */
void vk_check_form(struct fault *f, const json_t *method, const char *form, size_t len);
/* All of a request. Returns its method; NULL when there is none (which is a fault). */
const json_t *
vk_check_request(struct fault *f, const json_t *methods, const struct http_request *req);
/* What a method answers, as far as the description that is kept says what that looks like. Returns whether
 * it does. */
bool vk_check_answer(struct fault *f,
                     const json_t *responses,
                     const json_t *method,
                     const json_t *answer);

#endif
