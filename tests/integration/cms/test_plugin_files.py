"""The plugin's files as such: they parse, stand behind the guard, speak the plugin's language, and name
only share targets that crier has."""

import json
import re
import subprocess

import pytest
import wordpress as rig
from harness import TOP

FILES = sorted(rig.PLUGIN.rglob("*.php"))


def test_every_php_file_parses():
    for path in FILES:
        done = subprocess.run(["php", "-l", "-d", "error_reporting=-1", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "Deprecated" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_no_php_file_does_anything_when_called_by_itself():
    for path in FILES:
        text = path.read_text()
        assert "defined( 'ABSPATH' ) || exit;" in text or "WP_UNINSTALL_PLUGIN" in text or path.name == "index.php", path


def test_every_text_is_of_the_plugins_language():
    calls = re.compile(r"(?:\b(?:esc_html|esc_attr)?_(?:_|e|n|x)|esc_(?:html|attr)__)\( '(?:[^'\\]|\\.)*'([^;\n]*)")
    for path in FILES:
        for rest in calls.findall(path.read_text()):
            assert "'crier' )" in rest, (path, rest)


def test_the_template_for_translators_has_every_text():
    template = (rig.PLUGIN / "languages" / "crier.pot").read_text()
    for path in (*FILES, *rig.PLUGIN.rglob("*.js")):
        for text in re.findall(r"(?:__|_e|_n)\( '((?:[^'\\]|\\.)*)'", path.read_text()):
            assert json.dumps(text.replace("\\'", "'"), ensure_ascii=False) in template, f"{text}: tests/support/cms/pot.sh"


def test_versions_agree():
    main, readme = (rig.PLUGIN / "crier.php").read_text(), (rig.PLUGIN / "readme.txt").read_text()
    version = re.search(r"\* Version: +(\S+)", main)[1]
    assert f"'CRIER_PLUGIN_VERSION', '{version}'" in main and f"Stable tag: {version}" in readme
    for name, label in (("Requires at least", "Requires at least"), ("Requires PHP", "Requires PHP")):
        assert re.search(rf"\* {name}: +(\S+)", main)[1] == re.search(rf"^{label}: (\S+)", readme, re.M)[1]


def test_share_targets_are_criers():
    targets = {t["id"]: t for t in json.loads((TOP / "service" / "share-targets.json").read_text())["targets"]}
    source = (rig.PLUGIN / "includes" / "class-crier-share.php").read_text()
    block = source[source.index("const TARGETS"):source.index(");", source.index("const TARGETS"))]
    offered = dict(re.findall(r"'(\w+)' +=> '([^']+)'", block))
    assert len(offered) > 10
    for name, label in offered.items():
        assert targets[name]["status"] == "working" and not targets[name].get("needs") and "render" not in targets[name], name
        assert targets[name]["name"] == label
    chosen = re.search(r"'targets' +=> array\( (.*?) \)", (rig.PLUGIN / "includes" / "class-crier-options.php").read_text())[1]
    assert set(re.findall(r"'(\w+)'", chosen)) <= set(offered)


@pytest.mark.parametrize("name", ["published", "updated", "corrected", "unpublished", "deleted", "plain", "test"])
def test_the_samples_are_json_on_one_line(name):
    text = (TOP / "tests" / "fixtures" / "hooks" / "wordpress" / f"{name}.json").read_text()
    assert text.count("\n") == 1 and json.loads(text)["type"]
