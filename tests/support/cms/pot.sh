#!/bin/sh
# The plugin's template for translators, made anew from its files. Needs Debian's gettext.
set -eu
cd "$(dirname "$0")/../../../integrations/wordpress/crier"
find . -name '*.php' -o -name '*.js' | sort | sed 's|^\./||' >languages/files
xgettext --files-from=languages/files --from-code=UTF-8 --add-comments=translators \
    --keyword=__:1 --keyword=_e:1 --keyword=esc_html__:1 --keyword=esc_html_e:1 --keyword=esc_attr__:1 \
    --keyword=_n:1,2 --package-name=crier --no-wrap --no-location --sort-output --output=languages/crier.pot
rm languages/files
# What changes with each run says nothing.
sed -i -e '/^"POT-Creation-Date/d' -e '/^"PO-Revision-Date/d' -e '/^"Last-Translator/d' -e '/^"Language-Team/d' -e '1,/^$/{/^# /d;/^#$/d}' languages/crier.pot
