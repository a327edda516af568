<?php
// Runs PHP from standard input inside WordPress and prints what it returns as JSON.
$_SERVER['HTTP_HOST'] = parse_url( getenv( 'WP_TEST_URL' ), PHP_URL_HOST ) . ':' . parse_url( getenv( 'WP_TEST_URL' ), PHP_URL_PORT );
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
wp_set_current_user( 1 );
echo json_encode( eval( stream_get_contents( STDIN ) ) );
