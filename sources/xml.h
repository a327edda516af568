#ifndef CRIER_SOURCES_XML_H
#define CRIER_SOURCES_XML_H

/* How this room uses libxml2: what comes from outside is never let at the network, at other files
 * or at entities of its own making, and its depth is bounded. */

/* For every XML parser: no network, no DTD, no entity replaced, libxml2's own limits kept. */
int xml_parse_options(void);
/* For every HTML parser: the same, and silent about what is wrong with a page. */
int xml_html_options(void);

#endif
