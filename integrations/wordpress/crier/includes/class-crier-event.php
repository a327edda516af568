<?php
/**
 * What there is to tell about a post, given what crier was told last. Reads posts, writes nothing.
 * The form of the body is described in tests/fixtures/hooks/wordpress of crier.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Makes events.
 */
final class Crier_Event {

	const CONTENT_BYTES = 256 * 1024;
	const LIST_MAX      = 100; // Crier takes so many names of a kind.

	/**
	 * While the content of a post is rendered for crier, so that our own blocks keep out of it.
	 *
	 * @var bool
	 */
	private static $rendering = false;

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
	 * Whether content is being rendered for crier.
	 */
	public static function is_rendering(): bool {
		return self::$rendering;
	}

	/**
	 * Whether everybody may read it.
	 *
	 * @param WP_Post|null $post The post.
	 */
	public function is_public( ?WP_Post $post ): bool {
		$is = $post && 'publish' === $post->post_status && '' === $post->post_password && $this->options->covers( $post->post_type );

		/**
		 * Filters whether a post is public, for sites with an embargo or a wall of their own.
		 *
		 * @param bool         $is   Published, without a password, of a chosen type.
		 * @param WP_Post|null $post The post; null when it was deleted.
		 */
		return (bool) apply_filters( 'crier_is_public', $is, $post );
	}

	/**
	 * The event, or null when crier knows all this already.
	 *
	 * An article that was public before crier was there stays out of it, or else a mended comma would
	 * make news of an old story; unless the editor marks it as breaking.
	 *
	 * @param object       $row  What crier was told, as Crier_Store keeps it.
	 * @param WP_Post|null $post The post as it is now; null: deleted.
	 */
	public function make( object $row, ?WP_Post $post ): ?array {
		if ( ! $this->is_public( $post ) ) {
			if ( ! $post && in_array( $row->told, array( 'public', 'gone' ), true ) ) {
				return $this->taken_back( 'article.deleted', 'deleted', 'deleted', $row );
			}
			return $post && 'public' === $row->told ? $this->taken_back( 'article.unpublished', 'gone', $post->post_status, $row ) : null;
		}
		$data = $this->describe( $row, $post );
		if ( '' === $row->told && $row->was_public && true !== ( $data['breaking'] ?? null ) ) {
			return null;
		}
		$hash       = $this->hash( $data );
		$correction = $data['correction'] ?? '';
		if ( 'public' !== $row->told ) {
			$type = 'article.published';

			$data['first_publish'] = '' === $row->told;
		} elseif ( $hash === $row->hash ) {
			return null;
		} else {
			$type = '' !== $correction && $correction !== $row->correction ? 'article.corrected' : 'article.updated';
		}
		return $this->event( $type, 'public', $hash, $correction, $data );
	}

	/**
	 * The event that takes an article back. What it was is known from what was told.
	 *
	 * @param string $type   Of the event.
	 * @param string $told   What crier knows then.
	 * @param string $status Of the post.
	 * @param object $row    What crier was told.
	 */
	private function taken_back( string $type, string $told, string $status, object $row ): array {
		$data = array(
			'id'         => (int) $row->post_id,
			'version'    => $this->next_version( $row ),
			'post_type'  => $row->post_type,
			'status'     => $status,
			'old_status' => $row->status,
			'url'        => $row->url,
			'urls'       => $this->other_urls( $row, $row->url ),
			'title'      => $row->title,
		);
		return $this->event( $type, $told, '', '', $data );
	}

	/**
	 * The parts together.
	 *
	 * @param string $type       Of the event.
	 * @param string $told       What crier knows then.
	 * @param string $hash       Of what is told.
	 * @param string $correction The editor's note.
	 * @param array  $data       All of it.
	 */
	private function event( string $type, string $told, string $hash, string $correction, array $data ): array {
		return array(
			'type'       => $type,
			'told'       => $told,
			'hash'       => $hash,
			'correction' => $correction,
			'body'       => array(
				'timestamp' => self::time_text( microtime( true ) ),
				'data'      => $data,
			),
		);
	}

	/**
	 * RFC 3339 with milliseconds.
	 *
	 * @param float $seconds Since 1970.
	 */
	public static function time_text( float $seconds ): string {
		return gmdate( 'Y-m-d\TH:i:s', (int) $seconds ) . sprintf( '.%03dZ', (int) ( fmod( $seconds, 1 ) * 1000 ) );
	}

	/**
	 * Grows with each event of the post, also when the database was set back to a backup: so it is the
	 * time, unless two events have the same one.
	 *
	 * @param object $row What crier was told.
	 */
	private function next_version( object $row ): int {
		return max( (int) $row->version + 1, (int) ( microtime( true ) * 1000 ) );
	}

	/**
	 * All that is told about a public post.
	 *
	 * @param object  $row  What crier was told.
	 * @param WP_Post $post The post.
	 */
	private function describe( object $row, WP_Post $post ): array {
		$url  = (string) get_permalink( $post );
		$data = array(
			'id'             => $post->ID,
			'version'        => $this->next_version( $row ),
			'post_type'      => $post->post_type,
			'status'         => $post->post_status,
			'old_status'     => $row->status,
			'url'            => $url,
			'urls'           => $this->other_urls( $row, $url ),
			'title'          => self::plain( $post->post_title ),
			'excerpt'        => $this->excerpt( $post ),
			'content'        => $this->options->get( 'content' ) ? $this->content( $post ) : '',
			'date_gmt'       => self::gmt( $post->post_date_gmt ),
			'modified_gmt'   => self::gmt( $post->post_modified_gmt ),
			'authors'        => $this->authors( $post ),
			'categories'     => $this->terms( $post, true ),
			'tags'           => $this->terms( $post, false ),
			'featured_image' => $this->image( $post ),
			'language'       => $this->language( $post ),
			'breaking'       => $this->breaking( $post ),
			'correction'     => trim( self::plain( (string) get_post_meta( $post->ID, '_crier_correction', true ) ) ),
		);
		foreach ( array( 'excerpt', 'content', 'featured_image', 'breaking', 'correction' ) as $key ) {
			if ( in_array( $data[ $key ], array( '', null, array() ), true ) ) {
				unset( $data[ $key ] );
			}
		}

		/**
		 * Filters what crier is told about a post.
		 *
		 * @param array   $data As in tests/fixtures/hooks/wordpress/README.md of crier.
		 * @param WP_Post $post The post.
		 */
		return (array) apply_filters( 'crier_event_data', $data, $post );
	}

	/**
	 * The same for the same content: the block editor saves twice, and each time is another version.
	 *
	 * @param array $data What is told.
	 */
	private function hash( array $data ): string {
		unset( $data['version'], $data['modified_gmt'], $data['old_status'], $data['urls'] );
		return hash( 'sha256', (string) wp_json_encode( $data ) );
	}

	/**
	 * Other addresses of it: those it had, and the one that never changes.
	 *
	 * @param object $row What crier was told.
	 * @param string $url The address it has.
	 */
	private function other_urls( object $row, string $url ): array {
		$urls = array_merge( array( $row->url ), (array) json_decode( $row->old_urls, true ), array( home_url( '/?p=' . $row->post_id ) ) );
		return array_values( array_diff( array_unique( array_filter( $urls ) ), array( $url ) ) );
	}

	/**
	 * Text without tags and entities.
	 *
	 * @param string $html HTML.
	 */
	public static function plain( string $html ): string {
		return trim( html_entity_decode( wp_strip_all_tags( $html ), ENT_QUOTES | ENT_HTML5, 'UTF-8' ) );
	}

	/**
	 * The excerpt, or the first words, as WordPress does it where none was written.
	 *
	 * @param WP_Post $post The post.
	 */
	public function excerpt( WP_Post $post ): string {
		if ( '' !== trim( $post->post_excerpt ) ) {
			return self::plain( $post->post_excerpt );
		}
		$words = wp_trim_words( excerpt_remove_blocks( strip_shortcodes( $post->post_content ) ), 55, '…' );
		return self::plain( $words );
	}

	/**
	 * The content as HTML, without what other plugins put around it on the page.
	 *
	 * @param WP_Post $post The post.
	 */
	private function content( WP_Post $post ): string {
		$outer = $GLOBALS['post'] ?? null;

		$GLOBALS['post'] = $post; // phpcs:ignore WordPress.WP.GlobalVariablesOverride -- blocks look there; put back below.
		self::$rendering = true;
		$html            = has_blocks( $post->post_content ) ? do_blocks( $post->post_content ) : wpautop( $post->post_content );
		self::$rendering = false;
		$GLOBALS['post'] = $outer; // phpcs:ignore WordPress.WP.GlobalVariablesOverride -- see above.

		$html = trim( wp_kses_post( strip_shortcodes( $html ) ) );
		if ( strlen( $html ) > self::CONTENT_BYTES ) {
			$html = substr( $html, 0, self::CONTENT_BYTES - 1024 );
			$html = force_balance_tags( substr( $html, 0, (int) strrpos( $html, '<' ) ) ); // Nothing is cut in two.
		}
		return strlen( $html ) > self::CONTENT_BYTES ? '' : $html;
	}

	/**
	 * A time of WordPress as RFC 3339.
	 *
	 * @param string $time "2026-09-22 05:41:07", in GMT.
	 */
	public static function gmt( string $time ): string {
		return str_replace( ' ', 'T', $time ) . 'Z';
	}

	/**
	 * Names of the authors; those of Co-Authors Plus where it is active.
	 *
	 * @param WP_Post $post The post.
	 */
	private function authors( WP_Post $post ): array {
		$authors = function_exists( 'get_coauthors' ) ? (array) get_coauthors( $post->ID ) : array( get_userdata( (int) $post->post_author ) );
		return array_slice( array_values( array_filter( array_map( array( self::class, 'plain' ), wp_list_pluck( array_filter( $authors ), 'display_name' ) ) ) ), 0, self::LIST_MAX );
	}

	/**
	 * Names of its terms.
	 *
	 * @param WP_Post $post         The post.
	 * @param bool    $hierarchical Those of trees, such as categories; otherwise those such as tags.
	 */
	private function terms( WP_Post $post, bool $hierarchical ): array {
		$names = array();
		foreach ( get_object_taxonomies( $post, 'objects' ) as $taxonomy ) {
			if ( ! $taxonomy->public || 'post_format' === $taxonomy->name || $taxonomy->hierarchical !== $hierarchical ) {
				continue;
			}
			$terms = get_the_terms( $post, $taxonomy->name );
			if ( is_array( $terms ) ) {
				$names = array_merge( $names, array_map( array( self::class, 'plain' ), wp_list_pluck( $terms, 'name' ) ) );
			}
		}
		return array_slice( array_values( array_unique( $names ) ), 0, self::LIST_MAX );
	}

	/**
	 * The featured image.
	 *
	 * @param WP_Post $post The post.
	 */
	public function image( WP_Post $post ): ?array {
		$id    = (int) get_post_thumbnail_id( $post );
		$image = $id ? wp_get_attachment_image_src( $id, 'full' ) : false;
		if ( ! $image ) {
			return null;
		}
		$meta = wp_get_attachment_metadata( $id );
		return array_filter(
			array(
				'url'    => $image[0],
				'alt'    => self::plain( (string) get_post_meta( $id, '_wp_attachment_image_alt', true ) ),
				'width'  => (int) $image[1],
				'height' => (int) $image[2],
				'credit' => self::plain( (string) ( $meta['image_meta']['credit'] ?? '' ) ),
			)
		);
	}

	/**
	 * Its language: by Polylang or WPML where one is active, otherwise the site's, whatever the editor's is.
	 *
	 * @param WP_Post $post The post.
	 */
	private function language( WP_Post $post ): string {
		$locale = function_exists( 'pll_get_post_language' ) ? (string) pll_get_post_language( $post->ID, 'locale' ) : '';
		if ( '' === $locale ) {
			$wpml   = apply_filters( 'wpml_post_language_details', null, $post->ID ); // phpcs:ignore WordPress.NamingConventions -- WPML's.
			$locale = is_array( $wpml ) ? (string) ( $wpml['locale'] ?? '' ) : '';
		}
		return str_replace( '_', '-', '' !== $locale ? $locale : get_locale() );
	}

	/**
	 * What was said about it: by the editor, or by its categories; null: nothing.
	 *
	 * @param WP_Post $post The post.
	 */
	private function breaking( WP_Post $post ): ?bool {
		$said = get_post_meta( $post->ID, '_crier_breaking', true );
		if ( 'yes' === $said || 'no' === $said ) {
			return 'yes' === $said;
		}
		$categories = $this->options->get( 'breaking' );
		return $categories && has_term( $categories, 'category', $post ) ? true : null;
	}
}
