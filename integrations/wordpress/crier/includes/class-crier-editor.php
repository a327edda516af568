<?php
/**
 * What an editor says to crier about a post: that it is breaking news, and what was corrected. Two
 * post metas; in the block editor a panel among the document's settings (and before publishing), in
 * the classic editor a box.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * The editor's own fields.
 */
final class Crier_Editor {

	const BREAKING         = '_crier_breaking'; // 'yes', 'no', or '': nothing was said, crier's rules decide.
	const CORRECTION       = '_crier_correction';
	const CORRECTION_CHARS = 500;
	const NONCE            = 'crier_editor';

	/**
	 * The settings.
	 *
	 * @var Crier_Options
	 */
	private $options;

	/**
	 * Needs the settings.
	 *
	 * @param Crier_Options $options The settings.
	 */
	public function __construct( Crier_Options $options ) {
		$this->options = $options;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'init', array( $this, 'register_meta' ), 20 );
		add_action( 'enqueue_block_editor_assets', array( $this, 'enqueue' ) );
		add_action( 'add_meta_boxes', array( $this, 'add_box' ) );
		add_action( 'save_post', array( $this, 'save_box' ) );
	}

	/**
	 * Both metas, for REST as well; who may edit the post may say it.
	 */
	public function register_meta(): void {
		$common = array(
			'single'        => true,
			'type'          => 'string',
			'default'       => '',
			'auth_callback' => static function ( $allowed, $key, $post_id ) {
				return current_user_can( 'edit_post', $post_id );
			},
		);
		foreach ( $this->options->get( 'post_types' ) as $type ) {
			register_post_meta(
				$type,
				self::BREAKING,
				$common + array(
					'sanitize_callback' => array( self::class, 'clean_breaking' ),
					'show_in_rest'      => array( 'schema' => array( 'enum' => array( '', 'yes', 'no' ) ) ),
				)
			);
			register_post_meta(
				$type,
				self::CORRECTION,
				$common + array(
					'sanitize_callback' => array( self::class, 'clean_correction' ),
					'show_in_rest'      => true,
				)
			);
		}
	}

	/**
	 * One of the three.
	 *
	 * @param mixed $value Anything.
	 */
	public static function clean_breaking( $value ): string {
		return in_array( $value, array( 'yes', 'no' ), true ) ? $value : '';
	}

	/**
	 * Text of a bounded length.
	 *
	 * @param mixed $value Anything.
	 */
	public static function clean_correction( $value ): string {
		return is_string( $value ) ? mb_substr( sanitize_textarea_field( $value ), 0, self::CORRECTION_CHARS ) : '';
	}

	/**
	 * Whether the block editor can save the metas: it does so by REST, which wants 'custom-fields'.
	 *
	 * @param string $type Post type.
	 */
	private function by_rest( string $type ): bool {
		return post_type_supports( $type, 'custom-fields' );
	}

	/**
	 * The block editor's panel.
	 */
	public function enqueue(): void {
		$screen = get_current_screen();
		if ( ! $screen || 'post' !== $screen->base || ! $this->options->covers( $screen->post_type ) || ! $this->by_rest( $screen->post_type ) ) {
			return;
		}
		wp_enqueue_script(
			'crier-editor',
			plugins_url( 'assets/editor.js', CRIER_PLUGIN_FILE ),
			array( 'wp-components', 'wp-data', 'wp-edit-post', 'wp-element', 'wp-i18n', 'wp-plugins' ),
			CRIER_PLUGIN_VERSION,
			true
		);
		wp_set_script_translations( 'crier-editor', 'crier', dirname( CRIER_PLUGIN_FILE ) . '/languages' );
	}

	/**
	 * The classic editor's box; the block editor shows it only where its own panel cannot save.
	 *
	 * @param string $type Post type.
	 */
	public function add_box( $type ): void {
		if ( $this->options->covers( $type ) ) {
			add_meta_box(
				'crier-editor',
				__( 'Breaking news', 'crier' ),
				array( $this, 'show_box' ),
				$type,
				'side',
				'high',
				array( '__back_compat_meta_box' => $this->by_rest( $type ) )
			);
		}
	}

	/**
	 * The box.
	 *
	 * @param WP_Post $post The post.
	 */
	public function show_box( $post ): void {
		wp_nonce_field( self::NONCE . $post->ID, self::NONCE );
		?>
		<p>
			<label>
				<input type="checkbox" name="crier_breaking" value="yes" <?php checked( get_post_meta( $post->ID, self::BREAKING, true ), 'yes' ); ?>>
				<?php esc_html_e( 'This is breaking news', 'crier' ); ?>
			</label>
		</p>
		<p>
			<label for="crier-correction"><?php esc_html_e( 'Correction note', 'crier' ); ?></label>
			<textarea id="crier-correction" name="crier_correction" class="widefat" rows="3" maxlength="<?php echo esc_attr( self::CORRECTION_CHARS ); ?>"><?php echo esc_textarea( get_post_meta( $post->ID, self::CORRECTION, true ) ); ?></textarea>
			<span class="description"><?php esc_html_e( 'What was wrong, when a published article is corrected.', 'crier' ); ?></span>
		</p>
		<?php
	}

	/**
	 * The box was sent.
	 *
	 * @param int $post_id The post, or a revision of it.
	 */
	public function save_box( $post_id ): void {
		$nonce = isset( $_POST[ self::NONCE ] ) ? sanitize_key( wp_unslash( $_POST[ self::NONCE ] ) ) : '';
		if ( ! wp_verify_nonce( $nonce, self::NONCE . $post_id ) || ! current_user_can( 'edit_post', $post_id ) ) {
			return;
		}
		// Who takes the mark away says no; who never set it says nothing.
		$was = get_post_meta( $post_id, self::BREAKING, true );
		update_post_meta( $post_id, self::BREAKING, isset( $_POST['crier_breaking'] ) ? 'yes' : ( '' === $was ? '' : 'no' ) );
		$note = isset( $_POST['crier_correction'] ) ? self::clean_correction( wp_unslash( $_POST['crier_correction'] ) ) : ''; // phpcs:ignore WordPress.Security.ValidatedSanitizedInput -- it is cleaned.
		update_post_meta( $post_id, self::CORRECTION, wp_slash( $note ) );
	}
}
