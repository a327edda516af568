<?php
// Installs WordPress into the empty database, from the command line: there is no wp-cli in Debian.
define( 'WP_INSTALLING', true );
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install( 'Example News', 'desk', 'desk@news.example', true, '', 'password-of-the-desk' );
update_option( 'permalink_structure', '/%year%/%monthnum%/%postname%/' );
update_option( 'timezone_string', 'Pacific/Auckland' ); // Far from GMT, so that a mix-up shows.
wp_update_user( array( 'ID' => 1, 'display_name' => 'News desk' ) );
// The editor's welcome would stand before everything.
update_user_meta( 1, 'wp_persisted_preferences', array( 'core/edit-post' => array( 'welcomeGuide' => false ), '_modified' => gmdate( 'c' ) ) );
