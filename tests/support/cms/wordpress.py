"""A real WordPress with a real database, for tests: Debian's packages, unpacked into build/cms/debian
by ./dev and set up in a folder of their own. The outcome is kept in build/cms, so that a run begins with a
copy of it."""

import fcntl
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from base64 import b64encode
from pathlib import Path

from harness import TOP, exchange, free_port, wait_for
from leash import Leashed
from listener import SECRET

HERE = Path(__file__).resolve().parent
PLUGIN = TOP / "integrations" / "wordpress" / "crier"
KEPT = TOP / "build" / "cms"
DEBIAN = KEPT / "debian"
USER, PASSWORD = "desk", "password-of-the-desk"


def as_other():
    """MariaDB refuses to be root."""
    return ["--user=nobody"] if os.geteuid() == 0 else []


def give_to_other(folder):
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


class Database:
    """MariaDB on a socket, without a port."""

    def __init__(self, data, socket):
        self.socket = socket
        self.process = Leashed(
            "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
            f"--pid-file={data}/pid", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0",
            "--skip-log-bin", "--key-buffer-size=1M", f"--log-error={data}/error.log", *as_other(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(self.answers, 40)
        except AssertionError:
            self.close()
            raise AssertionError("MariaDB: " + (data / "error.log").read_text()) from None

    def answers(self):
        return subprocess.run(["mariadb-admin", "--no-defaults", f"--socket={self.socket}", "-uroot", "ping"],
                              capture_output=True, check=False).returncode == 0

    def query(self, sql):
        """Rows, as lists of texts."""
        out = subprocess.run(["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "--batch", "--raw",
                              "--skip-column-names", "--default-character-set=utf8mb4", "wordpress"],
                             input=sql, capture_output=True, text=True, check=False)
        assert out.returncode == 0, out.stderr
        return [line.split("\t") for line in out.stdout.splitlines()]

    def close(self):
        self.process.close()


def version():
    """What the kept installation was made of."""
    packages = sorted(path.name for path in (DEBIAN / "packages").glob("*.deb"))
    assert packages, f"no WordPress in {DEBIAN}: ./dev test wordpress fetches it"
    return "\n".join(packages) + "".join((HERE / name).read_text() for name in ("wp-config.php", "install.php"))


def environment(url, folder):
    return dict(os.environ, WP_TEST_URL=url, WP_TEST_SOCKET=str(folder / "db.sock"), WP_TEST_LOG=str(folder / "php.log"))


def php(script, *arguments, env=None, text=None):
    out = subprocess.run(["php", "-d", "display_errors=stderr", str(script), *map(str, arguments)],
                         input=text, capture_output=True, text=True, env=env, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout


def php_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def prepare():
    """build/cms/wordpress and build/cms/data, made anew when what they are made of has changed; by one
    of the workers."""
    wanted = version()
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = KEPT / "version"
        if not stamp.exists() or stamp.read_text() != wanted:
            for name in ("wordpress", "data"):
                shutil.rmtree(KEPT / name, ignore_errors=True)
            unpack()
            install()
            stamp.write_text(wanted)


def unpack():
    """Debian's files are links in part, one of them to settings of a web server."""
    (DEBIAN / "usr/share/wordpress/.htaccess").unlink(missing_ok=True)
    subprocess.run(["cp", "-rL", str(DEBIAN / "usr/share/wordpress"), str(KEPT / "wordpress")], check=True)
    shutil.copy(HERE / "wp-config.php", KEPT / "wordpress" / "wp-config.php")


def install():
    with tempfile.TemporaryDirectory(prefix="crier-wp-") as name:
        folder = Path(name)
        folder.chmod(0o777)  # the socket is made there
        data = folder / "data"
        data.mkdir()
        give_to_other(data)
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
                        "--auth-root-authentication-method=normal", *as_other()],
                       stdout=subprocess.DEVNULL, check=True)
        database = Database(data, folder / "db.sock")
        try:
            subprocess.run(["mariadb", "--no-defaults", f"--socket={database.socket}", "-uroot", "-e", "CREATE DATABASE wordpress"],
                           check=True)
            php(HERE / "install.php", KEPT / "wordpress", env=environment("http://127.0.0.1:1", folder))
        finally:
            database.close()
        shutil.copytree(data, KEPT / "data", ignore=shutil.ignore_patterns("pid"))


class WordPress:
    """One site with the plugin, in a folder that is gone afterwards."""

    def __init__(self):
        prepare()
        self.folder = Path(tempfile.mkdtemp(prefix="crier-wp-"))
        self.folder.chmod(0o777)  # MariaDB makes its socket here
        self.root = self.folder / "wordpress"
        subprocess.run(["cp", "-r", str(KEPT / "wordpress"), str(self.root)], check=True)
        subprocess.run(["cp", "-r", str(KEPT / "data"), str(self.folder / "data")], check=True)
        give_to_other(self.folder / "data")
        shutil.copytree(PLUGIN, self.root / "wp-content" / "plugins" / "crier")
        (self.root / "wp-content" / "mu-plugins").mkdir(exist_ok=True)
        shutil.copy(HERE / "mu-plugin.php", self.root / "wp-content" / "mu-plugins" / "test.php")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = environment(self.url, self.folder)
        self.server = self.database = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.database = Database(self.folder / "data", self.folder / "db.sock")
        self.run("""
            $done = activate_plugin( 'crier/crier.php' );
            if ( is_wp_error( $done ) ) { throw new Exception( $done->get_error_message() ); }""")
        made = self.run("""return WP_Application_Passwords::create_new_application_password( 1, array( 'name' => 'tests' ) );""")
        self.application_password = made[0]
        self.login = "Basic " + b64encode(f"{USER}:{made[0]}".encode()).decode()
        self.server = Leashed("php", "-S", self.url.removeprefix("http://"), "-t", self.root,
                              env=dict(self.environment, PHP_CLI_SERVER_WORKERS="6"),
                              stdout=subprocess.DEVNULL, stderr=(self.folder / "server.log").open("w"))
        wait_for(self.is_up, 20, what="php -S")

    def is_up(self):
        try:
            return exchange(self.url, "GET", "/wp-json/")[0] == 200
        except OSError:
            return False

    def run(self, code):
        """PHP inside WordPress; what it returns."""
        out = php(HERE / "run.php", self.root, env=self.environment, text=code)
        return json.loads(out) if out else None

    def rest(self, method, path, body=None, headers=None):
        """(status, answer) of the REST API, as the desk."""
        status, _, raw = exchange(self.url, method, "/wp-json" + path, json.dumps(body).encode() if body is not None else None,
                                  {"Authorization": self.login, "Content-Type": "application/json", **(headers or {})})
        return status, json.loads(raw) if raw else None

    def save(self, post_id=None, headers=None, **members):
        """A post is made or changed, as the block editor does it."""
        status, post = self.rest("POST", f"/wp/v2/posts/{post_id}" if post_id else "/wp/v2/posts", members, headers)
        assert status in (200, 201), post
        return post

    def cron(self):
        """WP-Cron comes by, and the plugin's minute is over."""
        self.run("""
            wp_clear_scheduled_hook( 'crier_tend' );
            wp_schedule_event( time() - 1, 'crier_minute', 'crier_tend' );
            delete_transient( 'doing_cron' );
            return true;""")
        assert exchange(self.url, "GET", "/wp-cron.php?doing_wp_cron")[0] == 200

    def let_pass(self, seconds):
        """So much later, for the outbox."""
        self.database.query(f"""UPDATE wp_crier_outbox SET due_at = due_at - ({seconds}), created_at = created_at - ({seconds});
            UPDATE wp_crier_posts SET dirty_at = dirty_at - {seconds} WHERE dirty_at > 0;
            UPDATE wp_options SET option_value = option_value - {seconds} WHERE option_name = 'crier_quiet_until';""")

    def outbox(self, post_id):
        """(type, state, attempts) of its events, in order."""
        rows = self.database.query(f"SELECT type, state, attempts FROM wp_crier_outbox WHERE post_id = {post_id} ORDER BY id")
        return [(kind, state, int(attempts)) for kind, state, attempts in rows]

    def panel(self, post_id):
        status, answer = self.rest("GET", f"/crier/v1/posts/{post_id}")
        assert status == 200, answer
        return answer

    def configure(self, **settings):
        given = {"source": "wordpress", "secret": SECRET, "url": "http://127.0.0.1:1", **settings}
        self.run(f"update_option( 'crier_settings', json_decode( {php_text(json.dumps(given))}, true ) ); return true;")

    def reset(self):
        """Posts stay; what crier was told of them does not."""
        self.database.query("""DELETE FROM wp_crier_outbox; DELETE FROM wp_crier_posts; DELETE FROM wp_posts WHERE post_type = 'post';
            DELETE FROM wp_options WHERE option_name IN ('crier_settings', 'crier_quiet_until') OR option_name LIKE '%crier_share%';""")
        (self.folder / "php.log").write_text("")

    def complaints(self):
        """What PHP had to say about the plugin, or WordPress about how it is used. Debian's WordPress is
        older than its PHP, about which PHP complains as well."""
        return [line for line in self.log().splitlines() if "crier" in line.replace(str(self.folder), "") or "Fatal" in line]

    def page(self, path, cookies=None):
        status, _, raw = exchange(self.url, "GET", path, headers={"Cookie": cookies} if cookies else {})
        return status, raw.decode()

    def sign_in(self, user=USER):
        """Cookies for pages of the administration."""
        made = self.run(f"$user = get_user_by( 'login', '{user}' )->ID;" + """
            $until = time() + 3600;
            $token = WP_Session_Tokens::get_instance( $user )->create( $until );
            return array(
                AUTH_COOKIE => wp_generate_auth_cookie( $user, $until, 'auth', $token ),
                LOGGED_IN_COOKIE => wp_generate_auth_cookie( $user, $until, 'logged_in', $token ),
            );""")
        return "; ".join(f"{name}={value}" for name, value in made.items())

    def log(self):
        path = self.folder / "php.log"
        return path.read_text() if path.exists() else ""

    def close(self):
        if self.server:
            self.server.close()
        if self.database:
            self.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)
