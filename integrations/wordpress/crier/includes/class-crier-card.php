<?php
/**
 * What an article's page tells those who show a preview of its link: Open Graph. WordPress says nothing of
 * the kind by itself; without it a post has no card on most platforms, and crier's link gate waits for
 * one. Where another plugin does it, this one keeps quiet.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Prints the tags.
 */
final class Crier_Card {

	/**
	 * What plugins that do it define: constants, then classes.
	 */
	const OTHERS = array( 'WPSEO_VERSION', 'RANK_MATH_VERSION', 'AIOSEO_VERSION', 'SEOPRESS_VERSION', 'THE_SEO_FRAMEWORK_VERSION', 'SLIM_SEO_VER', 'SSP_VERSION', 'NGFB_VERSION', 'WPSSO_VERSION' );
	const CLASSES = array( 'Jetpack', 'OpenGraph', 'Webdados_FB' );

	/**
	 * The settings.
	 *
	 * @var Crier_Options
	 */
	private $options;

	/**
	 * Knows what a post is about.
	 *
	 * @var Crier_Event
	 */
	private $event;

	/**
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Event   $event   Knows what a post is about.
	 */
	public function __construct( Crier_Options $options, Crier_Event $event ) {
		$this->options = $options;
		$this->event   = $event;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'wp_head', array( $this, 'show' ), 5 );
	}

	/**
	 * Whether nobody else does it.
	 */
	private function wanted(): bool {
		$others = array_filter( self::OTHERS, 'defined' ) || array_filter( self::CLASSES, 'class_exists' );

		/**
		 * Filters whether the plugin prints Open Graph tags.
		 *
		 * @param bool $wanted The setting, unless another plugin is known to print them.
		 */
		return (bool) apply_filters( 'crier_open_graph', $this->options->get( 'card' ) && ! $others );
	}

	/**
	 * In the head of an article's page.
	 */
	public function show(): void {
		$post = is_singular() ? get_queried_object() : null;
		if ( ! $post instanceof WP_Post || ! $this->event->is_public( $post ) || ! $this->wanted() ) {
			return;
		}
		foreach ( $this->tags( $post ) as $property => $content ) {
			if ( '' !== (string) $content ) {
				printf( '<meta %s="%s" content="%s">' . "\n", 0 === strpos( $property, 'twitter:' ) ? 'name' : 'property', esc_attr( $property ), esc_attr( $content ) );
			}
		}
	}

	/**
	 * The tags, in order.
	 *
	 * @param WP_Post $post The post.
	 */
	private function tags( WP_Post $post ): array {
		$image = (array) $this->event->image( $post );
		return array(
			'og:type'                => 'article',
			'og:title'               => Crier_Event::plain( $post->post_title ),
			'og:description'         => $this->event->excerpt( $post ),
			'og:url'                 => get_permalink( $post ),
			'og:site_name'           => Crier_Event::plain( get_bloginfo( 'name' ) ),
			'og:image'               => $image['url'] ?? '',
			'og:image:width'         => $image['width'] ?? '',
			'og:image:height'        => $image['height'] ?? '',
			'og:image:alt'           => $image['alt'] ?? '',
			'article:published_time' => Crier_Event::gmt( $post->post_date_gmt ),
			'article:modified_time'  => Crier_Event::gmt( $post->post_modified_gmt ),
			'twitter:card'           => $image ? 'summary_large_image' : 'summary',
		);
	}
}
