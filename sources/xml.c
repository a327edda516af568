/* The options under which libxml2 reads what strangers wrote. Called by whatever in this room reads
 * XML or HTML. */

#include "sources/xml.h"

#include <libxml/HTMLparser.h>
#include <libxml/parser.h>

int xml_parse_options(void)
{
    /* Neither XML_PARSE_NOENT nor _DTDLOAD nor _HUGE: an entity stays a reference, and libxml2's
     * bounds on depth and size hold. */
    return XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
}

int xml_html_options(void)
{
    return HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_RECOVER;
}
