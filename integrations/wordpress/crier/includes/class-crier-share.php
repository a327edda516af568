<?php
/**
 * The share bar: plain links, as shortcode [crier_share] and as block. No script, no picture, nothing
 * of a platform is loaded, nothing is stored about a reader.
 *
 * Where readers reach crier, the links are its share links, which crier counts (without addresses)
 * and tags; an article that crier does not know gets the platforms' own links, which crier's API
 * builds. These are asked for by WP-Cron and kept with the post: a page never waits for crier.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Shows the share bar.
 */
final class Crier_Share {

	const META = '_crier_share'; // Array: for (hash of what the links are about), links (id => URL).
	const JOB  = 'crier_share_links';
	const WAIT = 'crier_share_wait'; // A transient: crier gave no links, do not ask for a while.

	/**
	 * What can be chosen: ids of crier's table of share targets, and names.
	 */
	const TARGETS = array(
		'facebook'   => 'Facebook',
		'x'          => 'X',
		'threads'    => 'Threads',
		'bluesky'    => 'Bluesky',
		'linkedin'   => 'LinkedIn',
		'whatsapp'   => 'WhatsApp',
		'telegram'   => 'Telegram',
		'line'       => 'LINE',
		'reddit'     => 'Reddit',
		'hackernews' => 'Hacker News',
		'pinterest'  => 'Pinterest',
		'tumblr'     => 'Tumblr',
		'flipboard'  => 'Flipboard',
		'instapaper' => 'Instapaper',
		'raindrop'   => 'Raindrop.io',
		'teams'      => 'Microsoft Teams',
		'vk'         => 'VK',
		'email'      => 'E-mail',
	);

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
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Store   $store   What was told.
	 * @param Crier_Client  $client  The way to crier.
	 */
	public function __construct( Crier_Options $options, Crier_Store $store, Crier_Client $client ) {
		$this->options = $options;
		$this->store   = $store;
		$this->client  = $client;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'init', array( $this, 'register' ) );
		add_action( self::JOB, array( $this, 'fetch_links' ) );
	}

	/**
	 * The shortcode, the block, their style.
	 */
	public function register(): void {
		wp_register_style( 'crier-share', plugins_url( 'assets/share.css', CRIER_PLUGIN_FILE ), array(), CRIER_PLUGIN_VERSION );
		add_shortcode( 'crier_share', array( $this, 'shortcode' ) );
		register_block_type( dirname( CRIER_PLUGIN_FILE ) . '/blocks/share', array( 'render_callback' => array( $this, 'block' ) ) );
		$handle = generate_block_asset_handle( 'crier/share', 'editorScript' );
		wp_add_inline_script( $handle, 'window.crierShareTargets = ' . wp_json_encode( self::TARGETS ) . ';', 'before' );
		wp_set_script_translations( $handle, 'crier', dirname( CRIER_PLUGIN_FILE ) . '/languages' );
	}

	/**
	 * Shortcode [crier_share targets="whatsapp,email" heading="Share this"].
	 *
	 * @param array|string $attributes Of the shortcode.
	 */
	public function shortcode( $attributes ): string {
		$given = shortcode_atts(
			array(
				'targets' => '',
				'heading' => '',
			),
			$attributes,
			'crier_share'
		);
		return $this->bar( (int) get_the_ID(), array_filter( array_map( 'trim', explode( ',', $given['targets'] ) ) ), $given['heading'], '' );
	}

	/**
	 * The block crier/share.
	 *
	 * @param array    $attributes Of the block.
	 * @param string   $content    Nothing.
	 * @param WP_Block $block      Knows the post.
	 */
	public function block( $attributes, $content, $block ): string {
		$post_id = (int) ( $block->context['postId'] ?? get_the_ID() );
		return $this->bar( $post_id, (array) ( $attributes['targets'] ?? array() ), (string) ( $attributes['heading'] ?? '' ), get_block_wrapper_attributes( array( 'class' => 'crier-share' ) ) );
	}

	/**
	 * The bar; '' when there is nothing to link to.
	 *
	 * @param int      $post_id    The post.
	 * @param string[] $targets    Ids; none: those of the settings.
	 * @param string   $heading    Shown before the links; '': only read out.
	 * @param string   $attributes Of the outermost element; '': those of the shortcode.
	 */
	private function bar( int $post_id, array $targets, string $heading, string $attributes ): string {
		$post = get_post( $post_id );
		if ( Crier_Event::is_rendering() || ! $post || 'publish' !== $post->post_status || '' !== $post->post_password ) {
			return '';
		}
		$targets = array_intersect( $targets ? $targets : $this->options->get( 'targets' ), array_keys( self::TARGETS ) );
		$links   = $this->links( $post, $targets );
		$items   = '';
		foreach ( $targets as $id ) {
			$items .= isset( $links[ $id ] ) ? $this->item( $id, $links[ $id ] ) : '';
		}
		if ( '' === $items ) {
			return '';
		}
		wp_enqueue_style( 'crier-share' );
		$label = '' === $heading ? __( 'Share this article', 'crier' ) : $heading;
		return sprintf(
			'<nav %s aria-label="%s">%s<ul class="crier-share-list">%s</ul></nav>',
			'' === $attributes ? 'class="crier-share"' : $attributes,
			esc_attr( $label ),
			'' === $heading ? '' : '<span class="crier-share-heading" aria-hidden="true">' . esc_html( $heading ) . '</span>',
			$items
		);
	}

	/**
	 * One link. What is seen is the platform's name; what is read out says what it does.
	 *
	 * @param string $id   Of the target.
	 * @param string $link Where it leads.
	 */
	private function item( string $id, string $link ): string {
		$name = 'email' === $id ? __( 'E-mail', 'crier' ) : self::TARGETS[ $id ];
		/* translators: %s: a platform. */
		$label = 'email' === $id ? __( 'Share by e-mail', 'crier' ) : sprintf( __( 'Share on %s', 'crier' ), $name );
		return sprintf(
			'<li class="crier-share-item crier-share-%s"><a href="%s" rel="nofollow noopener" aria-label="%s">%s</a></li>',
			esc_attr( $id ),
			esc_url( $link, array( 'http', 'https', 'mailto' ) ),
			esc_attr( $label ),
			esc_html( $name )
		);
	}

	/**
	 * Links of a post.
	 *
	 * @param WP_Post  $post    The post.
	 * @param string[] $targets Ids.
	 * @return array<string, string>
	 */
	private function links( WP_Post $post, array $targets ): array {
		$public = untrailingslashit( (string) $this->options->get( 'public_url' ) );
		$row    = '' === $public ? null : $this->store->post( $post->ID );
		if ( $row && '' !== $row->article && 'public' === $row->told ) {
			$links = array();
			foreach ( $targets as $id ) {
				$links[ $id ] = $public . '/share/' . $id . '?article=' . rawurlencode( $row->article );
			}
			return $links;
		}
		return $this->kept_links( $post );
	}

	/**
	 * The platforms' own links, as they were fetched; when the article has changed they are fetched
	 * again, and the old ones serve meanwhile.
	 *
	 * @param WP_Post $post The post.
	 * @return array<string, string>
	 */
	private function kept_links( WP_Post $post ): array {
		$kept = get_post_meta( $post->ID, self::META, true );
		if ( ! is_array( $kept ) || ( $kept['for'] ?? '' ) !== $this->about( $post ) ) {
			if ( $this->options->ready() && ! get_transient( self::WAIT ) && ! wp_next_scheduled( self::JOB, array( $post->ID ) ) ) {
				wp_schedule_single_event( time(), self::JOB, array( $post->ID ) );
			}
		}
		return is_array( $kept ) ? (array) ( $kept['links'] ?? array() ) : array();
	}

	/**
	 * What the links of a post are about.
	 *
	 * @param WP_Post $post The post.
	 */
	private function about( WP_Post $post ): string {
		return md5( get_permalink( $post ) . "\n" . $post->post_title );
	}

	/**
	 * WP-Cron fetches them.
	 *
	 * @param int $post_id The post.
	 */
	public function fetch_links( $post_id ): void {
		$post = get_post( $post_id );
		if ( ! $post || 'publish' !== $post->post_status ) {
			return;
		}
		$answer = $this->client->ask(
			'/v1/share?' . http_build_query(
				array(
					'url'   => get_permalink( $post ),
					'title' => html_entity_decode( wp_strip_all_tags( $post->post_title ), ENT_QUOTES | ENT_HTML5, 'UTF-8' ),
				),
				'',
				'&',
				PHP_QUERY_RFC3986
			)
		);
		if ( '' !== $answer['error'] || ! is_array( $answer['json'] ) ) {
			set_transient( self::WAIT, 1, 10 * MINUTE_IN_SECONDS ); // Then a reader asks for it again.
			return;
		}
		$links = array_intersect_key( array_column( (array) ( $answer['json']['links'] ?? array() ), 'url', 'id' ), self::TARGETS );
		update_post_meta(
			$post->ID,
			self::META,
			wp_slash(
				array(
					'for'   => $this->about( $post ),
					'links' => $links,
				)
			)
		);
	}
}
