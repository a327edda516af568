<?php
// The tests' own settings of WordPress; what differs from run to run comes in the environment.
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:' . getenv( 'WP_TEST_SOCKET' ) );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'WP_HOME', getenv( 'WP_TEST_URL' ) );
define( 'WP_SITEURL', getenv( 'WP_TEST_URL' ) );
define( 'WP_ENVIRONMENT_TYPE', 'local' ); // Application passwords without TLS.
define( 'DISABLE_WP_CRON', true ); // Tests call it when they want it.
define( 'WP_HTTP_BLOCK_EXTERNAL', true ); // But 127.0.0.1, which is its own host as well.
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', getenv( 'WP_TEST_LOG' ) );
define( 'SCRIPT_DEBUG', false );
foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $name ) {
	define( $name . '_KEY', 'a fixed key of the tests ' . $name );
	define( $name . '_SALT', 'a fixed salt of the tests ' . $name );
}
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/' );
}
require_once ABSPATH . 'wp-settings.php';
