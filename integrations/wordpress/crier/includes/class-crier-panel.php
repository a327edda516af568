<?php
/**
 * Where the article went: a box in both editors that asks a REST route of ours, which asks crier. So
 * the token stays on the server, and an editor sees only posts that he may edit.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * The panel and its route.
 */
final class Crier_Panel {

	const ROUTE_NAMESPACE = 'crier/v1';
	const CHANNELS_MAX    = 200;

	/**
	 * The settings.
	 *
	 * @var Crier_Options
	 */
	private $options;

	/**
	 * What was told.
	 *
	 * @var Crier_Store
	 */
	private $store;

	/**
	 * The way to crier.
	 *
	 * @var Crier_Client
	 */
	private $client;

	/**
	 * Sends what is due.
	 *
	 * @var Crier_Sender
	 */
	private $sender;

	/**
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Store   $store   What was told.
	 * @param Crier_Client  $client  The way to crier.
	 * @param Crier_Sender  $sender  Sends what is due.
	 */
	public function __construct( Crier_Options $options, Crier_Store $store, Crier_Client $client, Crier_Sender $sender ) {
		$this->options = $options;
		$this->store   = $store;
		$this->client  = $client;
		$this->sender  = $sender;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'rest_api_init', array( $this, 'add_route' ) );
		add_action( 'add_meta_boxes', array( $this, 'add_box' ) );
		add_action( 'admin_enqueue_scripts', array( $this, 'enqueue' ) );
	}

	// ---- the box ----

	/**
	 * One box for both editors.
	 *
	 * @param string $type Post type.
	 */
	public function add_box( $type ): void {
		if ( $this->options->covers( $type ) ) {
			add_meta_box( 'crier-panel', __( 'Where it went (crier)', 'crier' ), array( $this, 'show_box' ), $type, 'side', 'high' );
		}
	}

	/**
	 * Its frame; panel.js fills it.
	 *
	 * @param WP_Post $post The post.
	 */
	public function show_box( $post ): void {
		printf(
			'<div class="crier-panel" data-post="%d"><p class="crier-panel-line" role="status">%s</p><ul class="crier-panel-list"></ul></div>',
			(int) $post->ID,
			esc_html__( 'Looking …', 'crier' )
		);
		echo '<noscript><p>' . esc_html__( 'This panel needs JavaScript.', 'crier' ) . '</p></noscript>';
	}

	/**
	 * Its script and style.
	 *
	 * @param string $page Of the administration.
	 */
	public function enqueue( $page ): void {
		$screen = get_current_screen();
		if ( ! in_array( $page, array( 'post.php', 'post-new.php' ), true ) || ! $screen || ! $this->options->covers( $screen->post_type ) ) {
			return;
		}
		wp_enqueue_style( 'crier-panel', plugins_url( 'assets/panel.css', CRIER_PLUGIN_FILE ), array(), CRIER_PLUGIN_VERSION );
		wp_enqueue_script(
			'crier-panel',
			plugins_url( 'assets/panel.js', CRIER_PLUGIN_FILE ),
			array( 'wp-api-fetch', 'wp-data', 'wp-i18n' ),
			CRIER_PLUGIN_VERSION,
			true
		);
		wp_set_script_translations( 'crier-panel', 'crier', dirname( CRIER_PLUGIN_FILE ) . '/languages' );
	}

	// ---- the route ----

	/**
	 * GET crier/v1/posts/ID.
	 */
	public function add_route(): void {
		register_rest_route(
			self::ROUTE_NAMESPACE,
			'/posts/(?P<id>\d+)',
			array(
				'methods'             => 'GET',
				'callback'            => array( $this, 'answer' ),
				'permission_callback' => static function ( $request ) {
					return current_user_can( 'edit_post', (int) $request['id'] );
				},
				'args'                => array(
					'id' => array(
						'type'     => 'integer',
						'required' => true,
						'minimum'  => 1,
					),
				),
			)
		);
	}

	/**
	 * What panel.js shows: {"summary", "tone", "moving", "channels": […]}.
	 *
	 * @param WP_REST_Request $request The request.
	 */
	public function answer( $request ): WP_REST_Response {
		$post_id = (int) $request['id'];
		$row     = $this->store->post( $post_id );
		$event   = $this->store->newest( $post_id );
		$shown   = $this->look( $post_id, $row, $event );
		if ( $event && Crier_Store::WAITING === $event->state ) {
			$this->sender->send_after_response(); // While somebody waits for it, WP-Cron need not come by.
		}
		$answer = new WP_REST_Response( $shown );
		$answer->header( 'Cache-Control', 'no-store' );
		return $answer;
	}

	/**
	 * The outbox first: what crier does not have, it cannot tell about.
	 *
	 * @param int         $post_id The post.
	 * @param object|null $row     What was told.
	 * @param object|null $event   The newest one.
	 */
	private function look( int $post_id, ?object $row, ?object $event ): array {
		if ( ! $this->options->ready() ) {
			return self::shown( __( 'crier is not set up yet: Settings → crier.', 'crier' ), 'warning', false );
		}
		if ( $event && Crier_Store::WAITING === $event->state ) {
			return $this->waiting( $event );
		}
		if ( $event && in_array( $event->state, array( Crier_Store::GIVEN_UP, Crier_Store::DISMISSED ), true ) ) {
			/* translators: %s: reason. */
			return self::shown( sprintf( __( 'crier did NOT get this, and it is no longer tried: %s. Saving the article tries again.', 'crier' ), $event->error ), 'error', false );
		}
		if ( ! $row || ( '' === $row->told && '' === $row->article ) ) {
			return self::shown( __( 'Goes to crier when it is published.', 'crier' ), 'plain', false );
		}
		return $this->from_crier( $post_id, $row );
	}

	/**
	 * An event that crier does not have yet.
	 *
	 * @param object $event The event.
	 */
	private function waiting( object $event ): array {
		if ( '' === $event->error ) {
			return self::shown( __( 'On its way to crier …', 'crier' ), 'plain', true );
		}
		$text = sprintf(
			/* translators: 1: reason, 2: number, 3: seconds. */
			__( 'crier does NOT have this yet: %1$s. Attempts: %2$d, the next one in %3$d s.', 'crier' ),
			$event->error,
			$event->attempts,
			max( 0, $event->due_at - time() )
		);
		return self::shown( $text, 'error', true );
	}

	/**
	 * Asks crier.
	 *
	 * @param int    $post_id The post.
	 * @param object $row     What was told.
	 */
	private function from_crier( int $post_id, object $row ): array {
		$name   = '' !== $row->article ? $row->article : (string) $post_id;
		$answer = $this->client->ask( '/v1/articles/' . rawurlencode( $name ) );
		if ( 404 === $answer['status'] && '' !== $row->article ) {
			return self::shown( __( 'crier had it, and does not keep it any more.', 'crier' ), 'plain', false );
		}
		if ( 404 === $answer['status'] || ( '' === $answer['error'] && '' === $row->article && ! $this->is_ours( $post_id, $answer['json'] ) ) ) {
			return self::shown( __( 'crier has it, and has not sent it anywhere yet.', 'crier' ), 'plain', true );
		}
		if ( in_array( $answer['status'], array( 401, 403 ), true ) ) {
			return self::shown( __( 'crier has it. To see here where it went, crier\'s API token must be in the settings.', 'crier' ), 'plain', false );
		}
		if ( '' !== $answer['error'] || ! is_array( $answer['json'] ) ) {
			return self::shown( __( 'crier has it, but does not tell where it went: ', 'crier' ) . $answer['error'], 'warning', true );
		}
		$shown = $this->report( $answer['json'] );
		if ( 'public' !== $row->told && 'retracted' !== ( $answer['json']['state'] ?? '' ) ) {
			$shown['summary'] = __( 'To be withdrawn: crier waits a little, in case it comes back.', 'crier' );
			$shown['moving']  = true;
		}
		return $shown;
	}

	/**
	 * Whether an article that was found by the post's number is this post and not another source's.
	 *
	 * @param int        $post_id The post.
	 * @param array|null $found   The article.
	 */
	private function is_ours( int $post_id, ?array $found ): bool {
		foreach ( (array) ( $found['aliases'] ?? array() ) as $alias ) {
			if ( ( $alias['source'] ?? '' ) === $this->options->get( 'source' ) && ( $alias['value'] ?? '' ) === (string) $post_id ) {
				return true;
			}
		}
		return false;
	}

	/**
	 * An article of crier's API in the panel's words.
	 *
	 * @param array $article As GET /v1/articles/{id} gives it.
	 */
	private function report( array $article ): array {
		$channels = array();
		foreach ( array_slice( (array) ( $article['deliveries'] ?? array() ), 0, 10 * self::CHANNELS_MAX ) as $delivery ) {
			$channels = $this->merge( $channels, (array) $delivery );
		}
		ksort( $channels );
		$moving   = (bool) array_filter( array_column( $channels, 'moving' ) );
		$problems = count( array_filter( array_column( $channels, 'problem' ) ) );
		$shown    = self::shown( $this->headline( $article, count( $channels ), $problems ), $problems ? 'error' : 'good', $moving );

		$shown['channels'] = array_slice( array_values( $channels ), 0, self::CHANNELS_MAX );
		return $shown;
	}

	/**
	 * One more delivery: of each channel the newest revision's counts, and the last link that is known.
	 *
	 * @param array $channels What is there.
	 * @param array $delivery As crier has it.
	 */
	private function merge( array $channels, array $delivery ): array {
		$name = (string) ( $delivery['channel'] ?? '' );
		$old  = $channels[ $name ] ?? null;
		$link = self::web_link( (string) ( $delivery['link'] ?? '' ) );
		if ( $old && $old['revision'] > (int) ( $delivery['revision'] ?? 0 ) ) {
			$channels[ $name ]['link'] = '' !== $old['link'] ? $old['link'] : $link;
			return $channels;
		}
		$state  = (string) ( $delivery['state'] ?? '' );
		$course = (string) ( $delivery['course'] ?? '' );
		$gone   = 'done' === $state && 'retract' === $course;
		$gated  = 'again' === $state && empty( $delivery['attempts'] ); // At the link gate, as long as that takes.

		$channels[ $name ] = array(
			'channel'  => $name,
			'revision' => (int) ( $delivery['revision'] ?? 0 ),
			'state'    => $state,
			'text'     => $gated ? __( 'waits until the page is ready', 'crier' ) : self::state_text( $state, $course ),
			'problem'  => in_array( $state, array( 'unknown', 'rejected', 'blocked', 'expired' ), true ),
			'moving'   => in_array( $state, array( 'held', 'ready', 'in_flight', 'again' ), true ),
			'detail'   => 'done' === $state ? '' : mb_substr( (string) ( $delivery['detail'] ?? '' ), 0, 300 ),
			'at'       => (string) ( 'again' === $state && ! $gated ? $delivery['due_at'] ?? '' : $delivery['updated_at'] ?? '' ),
			'link'     => $gone ? '' : ( '' !== $link ? $link : ( $old['link'] ?? '' ) ),
		);
		return $channels;
	}

	/**
	 * A link that may be shown as one; '' otherwise.
	 *
	 * @param string $link Crier's.
	 */
	private static function web_link( string $link ): string {
		return preg_match( '#^https?://#i', $link ) ? esc_url_raw( $link ) : '';
	}

	/**
	 * In an editor's words.
	 *
	 * @param string $state  Of the delivery.
	 * @param string $course What it was about.
	 */
	private static function state_text( string $state, string $course ): string {
		if ( 'done' === $state ) {
			$done = array(
				'update'  => __( 'updated', 'crier' ),
				'retract' => __( 'taken down', 'crier' ),
			);
			return $done[ $course ] ?? __( 'published', 'crier' );
		}
		$texts = array(
			'held'      => __( 'waits for the version before', 'crier' ),
			'ready'     => __( 'about to go', 'crier' ),
			'in_flight' => __( 'being sent', 'crier' ),
			'again'     => __( 'failed, tried again', 'crier' ),
			'unknown'   => __( 'unclear: may be public, please look', 'crier' ),
			'rejected'  => __( 'refused by the platform', 'crier' ),
			'blocked'   => __( 'channel is blocked', 'crier' ),
			'expired'   => __( 'too late, not sent', 'crier' ),
			'cancelled' => __( 'cancelled', 'crier' ),
		);
		return $texts[ $state ] ?? $state;
	}

	/**
	 * The first line.
	 *
	 * @param array $article  As crier has it.
	 * @param int   $count    Of channels.
	 * @param int   $problems Of channels.
	 */
	private function headline( array $article, int $count, int $problems ): string {
		if ( $problems ) {
			/* translators: 1: channels in trouble, 2: channels. */
			return sprintf( _n( '%1$d of %2$d channels needs a look', '%1$d of %2$d channels need a look', $problems, 'crier' ), $problems, $count );
		}
		if ( 0 === $count ) {
			return __( 'crier has it; no channel wants it.', 'crier' );
		}
		if ( 'retracted' === ( $article['state'] ?? '' ) ) {
			return __( 'Withdrawn', 'crier' );
		}
		return empty( $article['breaking'] ) ? __( 'Sent as news', 'crier' ) : __( 'Sent as breaking news', 'crier' );
	}

	/**
	 * What panel.js shows.
	 *
	 * @param string $summary The first line.
	 * @param string $tone    plain, good, warning or error.
	 * @param bool   $moving  Whether it will change soon.
	 */
	private static function shown( string $summary, string $tone, bool $moving ): array {
		return array(
			'summary'  => $summary,
			'tone'     => $tone,
			'moving'   => $moving,
			'channels' => array(),
		);
	}
}
