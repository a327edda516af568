<?php
// Loaded by the tests' WordPress besides the plugin under test: ways to let things go wrong.

// X-Test-Die: the process is killed when the request has been answered, before the plugin has told.
add_action( 'shutdown', static function () {
	if ( isset( $_SERVER['HTTP_X_TEST_DIE'] ) ) {
		register_shutdown_function( '__return_true' );
		global $wpdb;
		$wpdb->close();
		exit;
	}
}, 10 );

// An attribute of time: what is waited for in days is waited for in as many seconds as the option says.
add_filter( 'crier_give_up_after', static function ( $seconds ) {
	return (int) get_option( 'test_give_up_after', $seconds );
} );
