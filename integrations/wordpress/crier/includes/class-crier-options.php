<?php
/**
 * The plugin's settings as everything else reads them. What wp-config.php defines (CRIER_URL,
 * CRIER_SOURCE, CRIER_SECRET, CRIER_TOKEN) wins, so that secrets need not be in the database.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Reads the option crier_settings.
 */
final class Crier_Options {

	const NAME = 'crier_settings';

	const CONSTANTS = array(
		'url'    => 'CRIER_URL',
		'source' => 'CRIER_SOURCE',
		'secret' => 'CRIER_SECRET',
		'token'  => 'CRIER_TOKEN',
	);

	/**
	 * What holds as long as nobody has said anything else.
	 */
	public static function defaults(): array {
		return array(
			'url'        => 'http://127.0.0.1:8480',
			'source'     => 'wordpress',
			'secret'     => '',
			'token'      => '',
			'post_types' => array( 'post' ),
			'breaking'   => array(), // Ids of categories.
			'content'    => true,
			'card'       => true, // Open Graph tags, where no other plugin has them.
			'public_url' => '',
			'targets'    => array( 'whatsapp', 'facebook', 'bluesky', 'threads', 'linkedin', 'telegram', 'reddit', 'email' ),
		);
	}

	/**
	 * All of them.
	 */
	public function all(): array {
		$all = array_merge( self::defaults(), (array) get_option( self::NAME, array() ) );
		foreach ( self::CONSTANTS as $key => $constant ) {
			if ( defined( $constant ) ) {
				$all[ $key ] = (string) constant( $constant );
			}
		}
		return $all;
	}

	/**
	 * One of them.
	 *
	 * @param string $key Its name.
	 * @return mixed
	 */
	public function get( string $key ) {
		return $this->all()[ $key ];
	}

	/**
	 * Whether wp-config.php says it.
	 *
	 * @param string $key Its name.
	 */
	public static function is_fixed( string $key ): bool {
		return isset( self::CONSTANTS[ $key ] ) && defined( self::CONSTANTS[ $key ] );
	}

	/**
	 * Whether there is a crier to tell anything.
	 */
	public function ready(): bool {
		$all = $this->all();
		return '' !== $all['url'] && '' !== $all['source'] && '' !== self::key( $all['secret'] );
	}

	/**
	 * Whether posts of this type are crier's business.
	 *
	 * @param string $type Post type.
	 */
	public function covers( string $type ): bool {
		return in_array( $type, $this->get( 'post_types' ), true );
	}

	/**
	 * An address of crier.
	 *
	 * @param string $path Begins with a slash.
	 */
	public function address( string $path ): string {
		return untrailingslashit( $this->get( 'url' ) ) . $path;
	}

	/**
	 * The key in a secret as Standard Webhooks writes it, or '' when it is none: whsec_ and 24 to 64
	 * bytes in base64.
	 *
	 * @param string $secret The secret.
	 */
	public static function key( string $secret ): string {
		if ( 0 !== strpos( $secret, 'whsec_' ) ) {
			return '';
		}
		$key = base64_decode( substr( $secret, 6 ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- its form.
		return false !== $key && strlen( $key ) >= 24 && strlen( $key ) <= 64 ? $key : '';
	}
}
