<?php
/**
 * Settings → crier: the page, what it accepts, and its test. Secrets are taken and never shown again.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * The settings page.
 */
final class Crier_Settings {

	const PAGE = 'crier';
	const TEST = 'crier_test';

	/**
	 * The settings.
	 *
	 * @var Crier_Options
	 */
	private $options;

	/**
	 * The way to crier.
	 *
	 * @var Crier_Client
	 */
	private $client;

	/**
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Client  $client  The way to crier.
	 */
	public function __construct( Crier_Options $options, Crier_Client $client ) {
		$this->options = $options;
		$this->client  = $client;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'admin_menu', array( $this, 'add_page' ) );
		add_action( 'admin_init', array( $this, 'register' ) );
		add_action( 'admin_post_' . self::TEST, array( $this, 'run_test' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( CRIER_PLUGIN_FILE ), array( $this, 'add_link' ) );
	}

	/**
	 * In the menu.
	 */
	public function add_page(): void {
		add_options_page( __( 'crier', 'crier' ), __( 'crier', 'crier' ), 'manage_options', self::PAGE, array( $this, 'show' ) );
	}

	/**
	 * In the list of plugins.
	 *
	 * @param string[] $links Those that are there.
	 */
	public function add_link( $links ): array {
		array_unshift( $links, sprintf( '<a href="%s">%s</a>', esc_url( self::address() ), esc_html__( 'Settings', 'crier' ) ) );
		return $links;
	}

	/**
	 * The page's address.
	 */
	public static function address(): string {
		return admin_url( 'options-general.php?page=' . self::PAGE );
	}

	/**
	 * The fields, in order.
	 */
	public function register(): void {
		register_setting(
			self::PAGE,
			Crier_Options::NAME,
			array(
				'type'              => 'array',
				'sanitize_callback' => array( $this, 'clean' ),
				'show_in_rest'      => false,
			)
		);
		add_settings_section( 'connection', __( 'Connection', 'crier' ), '__return_false', self::PAGE );
		$this->field( 'url', __( 'Address of crier', 'crier' ), 'text_field', 'connection', __( 'As server.listen in its settings, for example http://127.0.0.1:8480.', 'crier' ) );
		$this->field( 'source', __( 'Source name', 'crier' ), 'text_field', 'connection', __( 'The name under sources: in crier\'s settings, of type wordpress.', 'crier' ) );
		$this->field( 'secret', __( 'Secret', 'crier' ), 'secret_field', 'connection', __( 'The same as secret: of that source; begins with whsec_. "crier keys webhook" makes one.', 'crier' ) );
		$this->field( 'token', __( 'API token', 'crier' ), 'secret_field', 'connection', __( 'Optional: server.token. With it editors see where each article went.', 'crier' ) );
		add_settings_section( 'articles', __( 'Articles', 'crier' ), '__return_false', self::PAGE );
		$this->field( 'post_types', __( 'Post types', 'crier' ), 'types_field', 'articles', '' );
		$this->field( 'breaking', __( 'Categories that mean breaking', 'crier' ), 'categories_field', 'articles', __( 'Articles in one of them are breaking news, unless the editor says no.', 'crier' ) );
		$this->field( 'content', __( 'Text', 'crier' ), 'switch_field', 'articles', __( 'Tell crier the whole text as well (newsletters need it)', 'crier' ) );
		$this->field( 'card', __( 'Link previews', 'crier' ), 'switch_field', 'articles', __( 'Open Graph tags on articles, unless another plugin has them', 'crier' ) );
		add_settings_section( 'share', __( 'Share bar', 'crier' ), array( $this, 'show_share' ), self::PAGE );
		$this->field( 'public_url', __( 'Address of crier for readers', 'crier' ), 'text_field', 'share', __( 'As server.public_url in crier\'s settings. Empty: links lead straight to the platforms.', 'crier' ) );
		$this->field( 'targets', __( 'Platforms', 'crier' ), 'targets_field', 'share', '' );
	}

	/**
	 * One field.
	 *
	 * @param string $key     Of the setting.
	 * @param string $label   Beside it.
	 * @param string $method  That shows it.
	 * @param string $section It is in.
	 * @param string $help    Below it.
	 */
	private function field( string $key, string $label, string $method, string $section, string $help ): void {
		$arguments = array(
			'key'  => $key,
			'help' => $help,
		);
		if ( 'text_field' === $method || 'secret_field' === $method ) {
			$arguments['label_for'] = 'crier-' . $key;
		}
		add_settings_field( 'crier-' . $key, $label, array( $this, $method ), self::PAGE, $section, $arguments );
	}

	// ---- what is accepted ----

	/**
	 * What was sent becomes what is kept; what is wrong is said and stays as it was.
	 *
	 * @param mixed $sent The form.
	 */
	public function clean( $sent ): array {
		$sent = is_array( $sent ) ? $sent : array();
		$old  = array_merge( Crier_Options::defaults(), (array) get_option( Crier_Options::NAME, array() ) );
		$sent = self::split_address( $sent );
		$new  = array(
			'url'        => $this->clean_url( $sent['url'] ?? null, $old['url'], __( 'Address of crier', 'crier' ), false ),
			'source'     => $this->clean_source( $sent['source'] ?? null, $old['source'] ),
			'secret'     => $this->clean_secret( $sent, $old['secret'] ),
			'token'      => $this->clean_token( $sent, $old['token'] ),
			'post_types' => array_values( array_intersect( array_map( 'strval', (array) ( $sent['post_types'] ?? array() ) ), array_keys( self::types() ) ) ),
			'breaking'   => array_values( array_filter( array_map( 'absint', (array) ( $sent['breaking'] ?? array() ) ) ) ),
			'content'    => ! empty( $sent['content'] ),
			'card'       => ! empty( $sent['card'] ),
			'public_url' => $this->clean_url( $sent['public_url'] ?? null, $old['public_url'], __( 'Address of crier for readers', 'crier' ), true ),
			'targets'    => array_values( array_intersect( array_map( 'strval', (array) ( $sent['targets'] ?? array() ) ), array_keys( Crier_Share::TARGETS ) ) ),
		);
		if ( ! $new['post_types'] ) {
			add_settings_error( self::PAGE, 'post_types', __( 'No post type is chosen: crier is told nothing.', 'crier' ), 'warning' );
		}
		return $new;
	}

	/**
	 * Who enters the hook's whole address, as crier's manual names it, has entered the source as well.
	 *
	 * @param array $sent The form.
	 */
	private static function split_address( array $sent ): array {
		if ( is_string( $sent['url'] ?? null ) && preg_match( '#^(.+)/hooks/([^/]+)/?$#', trim( $sent['url'] ), $parts ) ) {
			$sent['url']    = $parts[1];
			$sent['source'] = $parts[2];
		}
		return $sent;
	}

	/**
	 * An address.
	 *
	 * @param mixed  $sent     By the form; null: the field is fixed.
	 * @param string $old      What was kept.
	 * @param string $label    Of the field.
	 * @param bool   $optional Whether it may be empty.
	 */
	private function clean_url( $sent, string $old, string $label, bool $optional ): string {
		if ( ! is_string( $sent ) ) {
			return $old;
		}
		$sent = untrailingslashit( trim( $sent ) );
		if ( '' === $sent && $optional ) {
			return '';
		}
		$url = preg_match( '#^https?://\S+$#i', $sent ) ? esc_url_raw( $sent, array( 'http', 'https' ) ) : '';
		if ( '' === $url || ! wp_parse_url( $url, PHP_URL_HOST ) || wp_parse_url( $url, PHP_URL_QUERY ) || wp_parse_url( $url, PHP_URL_USER ) ) {
			/* translators: %s: label of a field. */
			add_settings_error( self::PAGE, 'url', sprintf( __( '%s: expected an address such as http://127.0.0.1:8480.', 'crier' ), $label ) );
			return $old;
		}
		return $url;
	}

	/**
	 * A name in crier's settings.
	 *
	 * @param mixed  $sent By the form; null: the field is fixed.
	 * @param string $old  What was kept.
	 */
	private function clean_source( $sent, string $old ): string {
		if ( ! is_string( $sent ) ) {
			return $old;
		}
		$sent = trim( $sent );
		if ( ! preg_match( '/^[A-Za-z0-9_.-]{1,64}$/', $sent ) ) {
			add_settings_error( self::PAGE, 'source', __( 'Source name: expected letters, digits, "-", "_" and ".".', 'crier' ) );
			return $old;
		}
		return $sent;
	}

	/**
	 * The secret: an empty field keeps it.
	 *
	 * @param array  $sent The form.
	 * @param string $old  What was kept.
	 */
	private function clean_secret( array $sent, string $old ): string {
		$secret = $this->clean_hidden( $sent, 'secret', $old );
		if ( $secret !== $old && '' !== $secret && '' === Crier_Options::key( $secret ) ) {
			add_settings_error( self::PAGE, 'secret', __( 'Secret: expected whsec_ and 24 to 64 bytes in base64, as "crier keys webhook" makes it.', 'crier' ) );
			return $old;
		}
		return $secret;
	}

	/**
	 * The token: an empty field keeps it.
	 *
	 * @param array  $sent The form.
	 * @param string $old  What was kept.
	 */
	private function clean_token( array $sent, string $old ): string {
		$token = $this->clean_hidden( $sent, 'token', $old );
		if ( ! preg_match( '/^[\x21-\x7e]{0,512}$/', $token ) ) {
			add_settings_error( self::PAGE, 'token', __( 'API token: expected text without blanks.', 'crier' ) );
			return $old;
		}
		return $token;
	}

	/**
	 * A field whose value is not shown: a new one, or removed, or as it was.
	 *
	 * @param array  $sent The form.
	 * @param string $key  Of the setting.
	 * @param string $old  What was kept.
	 */
	private function clean_hidden( array $sent, string $key, string $old ): string {
		if ( ! empty( $sent[ $key . '_remove' ] ) ) {
			return '';
		}
		$new = is_string( $sent[ $key ] ?? null ) ? trim( $sent[ $key ] ) : '';
		return '' === $new ? $old : $new;
	}

	/**
	 * Post types that people read, by name.
	 *
	 * @return array<string, string>
	 */
	private static function types(): array {
		$types = get_post_types( array( 'public' => true ), 'objects' );
		unset( $types['attachment'] );
		return wp_list_pluck( $types, 'label' );
	}

	// ---- the page ----

	/**
	 * The page.
	 */
	public function show(): void {
		if ( ! current_user_can( 'manage_options' ) ) {
			return;
		}
		echo '<div class="wrap"><h1>' . esc_html( get_admin_page_title() ) . '</h1>';
		echo '<p>' . esc_html__( 'crier is told at once what is published, changed and withdrawn here, and brings it to your channels.', 'crier' ) . '</p>';
		$this->show_test_result();
		echo '<form action="options.php" method="post">';
		settings_fields( self::PAGE );
		do_settings_sections( self::PAGE );
		submit_button();
		echo '</form><hr><h2>' . esc_html__( 'Test', 'crier' ) . '</h2>';
		echo '<p>' . esc_html__( 'Sends a signed test event with the settings as they are saved. Nothing is published.', 'crier' ) . '</p>';
		printf( '<form action="%s" method="post"><input type="hidden" name="action" value="%s">', esc_url( admin_url( 'admin-post.php' ) ), esc_attr( self::TEST ) );
		wp_nonce_field( self::TEST );
		submit_button( __( 'Send test', 'crier' ), 'secondary', 'crier-send-test' );
		echo '</form></div>';
	}

	/**
	 * Before the fields of the share bar.
	 */
	public function show_share(): void {
		echo '<p>' . wp_kses( __( 'The block "Share bar (crier)" or the shortcode <code>[crier_share]</code> shows plain links, without tracking.', 'crier' ), array( 'code' => array() ) ) . '</p>';
	}

	/**
	 * A field's name in the form.
	 *
	 * @param string $key Of the setting.
	 */
	private static function name( string $key ): string {
		return Crier_Options::NAME . '[' . $key . ']';
	}

	/**
	 * The line below a field.
	 *
	 * @param array $arguments Of the field.
	 */
	private static function help( array $arguments ): void {
		if ( Crier_Options::is_fixed( $arguments['key'] ) ) {
			$arguments['help'] = __( 'Set in wp-config.php.', 'crier' );
		}
		if ( '' !== $arguments['help'] ) {
			printf( '<p class="description">%s</p>', esc_html( $arguments['help'] ) );
		}
	}

	/**
	 * A line of text.
	 *
	 * @param array $arguments Of the field.
	 */
	public function text_field( $arguments ): void {
		$key = $arguments['key'];
		printf(
			'<input type="text" class="regular-text code" id="crier-%1$s" name="%2$s" value="%3$s"%4$s>',
			esc_attr( $key ),
			esc_attr( self::name( $key ) ),
			esc_attr( $this->options->get( $key ) ),
			disabled( Crier_Options::is_fixed( $key ), true, false )
		);
		self::help( $arguments );
	}

	/**
	 * A secret: its value never goes into a page.
	 *
	 * @param array $arguments Of the field.
	 */
	public function secret_field( $arguments ): void {
		$key = $arguments['key'];
		$set = '' !== $this->options->get( $key );
		printf(
			'<input type="password" class="regular-text code" id="crier-%1$s" name="%2$s" value="" autocomplete="new-password" placeholder="%3$s"%4$s>',
			esc_attr( $key ),
			esc_attr( self::name( $key ) ),
			esc_attr( $set ? __( 'set; leave empty to keep it', 'crier' ) : '' ),
			disabled( Crier_Options::is_fixed( $key ), true, false )
		);
		if ( $set && ! Crier_Options::is_fixed( $key ) ) {
			printf( ' <label><input type="checkbox" name="%s" value="1"> %s</label>', esc_attr( self::name( $key . '_remove' ) ), esc_html__( 'Remove', 'crier' ) );
		}
		self::help( $arguments );
	}

	/**
	 * Some of many.
	 *
	 * @param array $arguments Of the field.
	 * @param array $choices   Values and labels.
	 */
	private function choices( array $arguments, array $choices ): void {
		$chosen = array_map( 'strval', $this->options->get( $arguments['key'] ) );
		echo '<fieldset style="max-height:16em;overflow:auto">';
		foreach ( $choices as $value => $label ) {
			printf(
				'<label style="display:inline-block;min-width:11em"><input type="checkbox" name="%s[]" value="%s"%s> %s</label> ',
				esc_attr( self::name( $arguments['key'] ) ),
				esc_attr( (string) $value ),
				checked( in_array( (string) $value, $chosen, true ), true, false ),
				esc_html( $label )
			);
		}
		echo '</fieldset>';
		self::help( $arguments );
	}

	/**
	 * Post types.
	 *
	 * @param array $arguments Of the field.
	 */
	public function types_field( $arguments ): void {
		$this->choices( $arguments, self::types() );
	}

	/**
	 * Categories.
	 *
	 * @param array $arguments Of the field.
	 */
	public function categories_field( $arguments ): void {
		$categories = get_categories( array( 'hide_empty' => false ) );
		$this->choices( $arguments, wp_list_pluck( $categories, 'name', 'term_id' ) );
	}

	/**
	 * On or off; the help stands beside it.
	 *
	 * @param array $arguments Of the field.
	 */
	public function switch_field( $arguments ): void {
		printf(
			'<label><input type="checkbox" name="%s" value="1"%s> %s</label>',
			esc_attr( self::name( $arguments['key'] ) ),
			checked( $this->options->get( $arguments['key'] ), true, false ),
			esc_html( $arguments['help'] )
		);
	}

	/**
	 * Platforms of the share bar.
	 *
	 * @param array $arguments Of the field.
	 */
	public function targets_field( $arguments ): void {
		$this->choices( $arguments, Crier_Share::TARGETS );
	}

	// ---- the test ----

	/**
	 * The button was pressed: both ways to crier are tried, and what came of it is shown on the page.
	 */
	public function run_test(): void {
		if ( ! current_user_can( 'manage_options' ) ) {
			wp_die( esc_html__( 'You are not allowed to do this.', 'crier' ), '', array( 'response' => 403 ) );
		}
		check_admin_referer( self::TEST );
		set_transient( self::TEST . get_current_user_id(), $this->test(), MINUTE_IN_SECONDS );
		wp_safe_redirect( self::address() );
		exit;
	}

	/**
	 * Lines of good or bad news.
	 *
	 * @return array<int, array{bool, string}>
	 */
	private function test(): array {
		if ( ! $this->options->ready() ) {
			return array( array( false, __( 'Address, source name and secret are needed first.', 'crier' ) ) );
		}
		$body   = wp_json_encode(
			array(
				'type'      => 'test',
				'timestamp' => Crier_Event::time_text( microtime( true ) ),
				'data'      => array(
					'site' => get_bloginfo( 'name' ),
					'url'  => home_url( '/' ),
				),
			),
			JSON_UNESCAPED_SLASHES
		);
		$from   = microtime( true );
		$answer = $this->client->tell( 'wp_test_' . bin2hex( random_bytes( 12 ) ), $body, 10 );
		if ( '' !== $answer['error'] ) {
			return array( array( false, $answer['error'] . '.' ) );
		}
		$lines = array(
			/* translators: 1: name of a source, 2: milliseconds. */
			array( true, sprintf( __( 'crier took the test event of source "%1$s" in %2$d ms.', 'crier' ), $this->options->get( 'source' ), ( microtime( true ) - $from ) * 1000 ) ),
		);
		$lines[] = $this->test_api();
		return $lines;
	}

	/**
	 * Whether editors will see where articles go.
	 *
	 * @return array{bool, string}
	 */
	private function test_api(): array {
		$answer = $this->client->ask( '/v1/channels' );
		if ( '' !== $answer['error'] ) {
			return array( false, '' === $this->options->get( 'token' ) ? __( 'Without the API token, editors do not see where articles went.', 'crier' ) : $answer['error'] . '.' );
		}
		$channels = (array) ( $answer['json']['items'] ?? array() );
		/* translators: 1: number, 2: names. */
		$text = _n( 'crier has %1$d channel: %2$s.', 'crier has %1$d channels: %2$s.', count( $channels ), 'crier' );
		return array( true, sprintf( $text, count( $channels ), implode( ', ', array_slice( array_column( $channels, 'name' ), 0, 20 ) ) ) );
	}

	/**
	 * What came of the test.
	 */
	private function show_test_result(): void {
		$lines = get_transient( self::TEST . get_current_user_id() );
		if ( ! is_array( $lines ) ) {
			return;
		}
		delete_transient( self::TEST . get_current_user_id() );
		foreach ( $lines as list( $good, $text ) ) {
			printf( '<div class="notice notice-%s crier-test-result"><p>%s</p></div>', $good ? 'success' : 'error', esc_html( $text ) );
		}
	}
}
