<?php
/**
 * Takes everything away that the plugin has made, on every site of a network.
 *
 * @package Crier
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/**
 * One site.
 */
function crier_uninstall_site(): void {
	global $wpdb;

	// phpcs:disable WordPress.DB.DirectDatabaseQuery, WordPress.DB.PreparedSQL -- our own tables, no values.
	$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}crier_outbox" );
	$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}crier_posts" );
	// phpcs:enable
	foreach ( array( 'crier_settings', 'crier_schema', 'crier_quiet_until' ) as $option ) {
		delete_option( $option );
	}
	foreach ( array( '_crier_breaking', '_crier_correction', '_crier_share' ) as $key ) {
		delete_post_meta_by_key( $key );
	}
	delete_transient( 'crier_share_wait' );
	wp_clear_scheduled_hook( 'crier_tend' );
	wp_unschedule_hook( 'crier_share_links' );
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $crier_site ) {
		switch_to_blog( $crier_site );
		crier_uninstall_site();
		restore_current_blog();
	}
} else {
	crier_uninstall_site();
}
