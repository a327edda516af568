<?php
/**
 * Plugin Name:       crier
 * Description:       Tells crier at once what is published, changed and withdrawn here, and shows in the editor where it went.
 * Version:           1.0.0
 * Requires at least: 5.8
 * Requires PHP:      7.4
 * License:           MIT
 * License URI:       https://opensource.org/license/mit
 * Text Domain:       crier
 * Domain Path:       /languages
 *
 * The way of an article: Crier_Watch notes which posts a request touches and, at its end, asks
 * Crier_Event what to tell; Crier_Store keeps that in the outbox before anything leaves; Crier_Sender
 * takes it to crier, at once and then again by WP-Cron until crier has it. Crier_Panel asks crier
 * where it went.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

define( 'CRIER_PLUGIN_VERSION', '1.0.0' );
define( 'CRIER_PLUGIN_FILE', __FILE__ );

foreach ( array( 'options', 'store', 'client', 'event', 'sender', 'watch', 'editor', 'panel', 'share', 'card', 'settings', 'notices' ) as $crier_part ) {
	require_once __DIR__ . '/includes/class-crier-' . $crier_part . '.php';
}
unset( $crier_part );

/**
 * Builds the parts and ties them to WordPress.
 */
function crier_start(): void {
	$options = new Crier_Options();
	$store   = new Crier_Store();
	$client  = new Crier_Client( $options );
	$sender  = new Crier_Sender( $options, $store, $client );
	$event   = new Crier_Event( $options );
	$watch   = new Crier_Watch( $options, $store, $event, $sender );
	$panel   = new Crier_Panel( $options, $store, $client, $sender );

	add_action( 'init', 'crier_load_translations' );
	$store->hook();
	$watch->hook();
	$sender->hook();
	( new Crier_Editor( $options ) )->hook();
	$panel->hook();
	( new Crier_Share( $options, $store, $client ) )->hook();
	( new Crier_Card( $options, $event ) )->hook();
	( new Crier_Settings( $options, $client ) )->hook();
	( new Crier_Notices( $options, $store, $sender ) )->hook();
}
add_action( 'plugins_loaded', 'crier_start' );

/**
 * Translations that come with the plugin; those of the site win.
 */
function crier_load_translations(): void {
	load_plugin_textdomain( 'crier', false, dirname( plugin_basename( CRIER_PLUGIN_FILE ) ) . '/languages' );
}

register_deactivation_hook( __FILE__, array( 'Crier_Sender', 'unschedule' ) );
