<?php
// Loaded by the tests' WordPress besides the plugin under test: ways to let things go wrong.

// X-Test-Die: the request ends when everything is saved, before the plugin has told anything.
add_action( 'shutdown', static function () {
	if ( isset( $_SERVER['HTTP_X_TEST_DIE'] ) ) {
		exit;
	}
}, 10 );

// With the option test_lost a post is made, and its request dies instead of answering; once.
add_action( 'rest_after_insert_post', static function () {
	if ( delete_option( 'test_lost' ) ) {
		http_response_code( 502 );
		exit;
	}
} );

// With the option test_classic there is no block editor.
add_filter( 'use_block_editor_for_post', static function ( $use ) {
	return $use && ! get_option( 'test_classic' );
} );
