<?php
/**
 * Notes which posts a request touches, and settles them at its end: one event per post and request,
 * made of what is there then, whatever order the editor, other plugins and WordPress have saved in.
 *
 * A post is noted in the database when it is touched first, before it is saved where WordPress lets
 * us, so that a request that dies between saving and telling is made good by WP-Cron.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Watches posts.
 */
final class Crier_Watch {

	const DEAD_AFTER = 60; // Seconds; a request that has touched a post has ended by then, or died.

	/**
	 * Posts that this request has touched, and whether each was public before, as far as was seen.
	 *
	 * @var array<int, bool>
	 */
	private $touched = array();

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
	 * Makes events.
	 *
	 * @var Crier_Event
	 */
	private $event;

	/**
	 * Takes them to crier.
	 *
	 * @var Crier_Sender
	 */
	private $sender;

	/**
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Store   $store   What was told.
	 * @param Crier_Event   $event   Makes events.
	 * @param Crier_Sender  $sender  Takes them to crier.
	 */
	public function __construct( Crier_Options $options, Crier_Store $store, Crier_Event $event, Crier_Sender $sender ) {
		$this->options = $options;
		$this->store   = $store;
		$this->event   = $event;
		$this->sender  = $sender;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'pre_post_update', array( $this, 'before_update' ), 10, 2 );
		add_action( 'transition_post_status', array( $this, 'on_transition' ), 10, 3 );
		add_action( 'wp_after_insert_post', array( $this, 'on_saved' ), 10, 4 );
		add_action( 'wp_trash_post', array( $this, 'on_leaving' ) );
		add_action( 'before_delete_post', array( $this, 'on_leaving' ) );
		add_action( 'set_object_terms', array( $this, 'on_changed' ) );
		foreach ( array( 'added_post_meta', 'updated_post_meta', 'deleted_post_meta' ) as $action ) {
			add_action( $action, array( $this, 'on_meta' ), 10, 3 );
		}
		add_action( 'shutdown', array( $this, 'settle_touched' ), 20 );
		add_action( 'crier_tend', array( $this, 'settle_left' ), 5 );
	}

	/**
	 * A post is about to be changed.
	 *
	 * @param int   $post_id The post.
	 * @param array $data    Its new row.
	 */
	public function before_update( $post_id, $data ): void {
		$post = get_post( $post_id );
		if ( $this->event->is_public( $post ) ) {
			$this->touch( $post, true );
		} elseif ( $post && 'publish' === ( $data['post_status'] ?? '' ) ) {
			$this->touch( $post, false );
		}
	}

	/**
	 * A post gets another status; the only sign of a scheduled post that goes live before it does.
	 *
	 * @param string  $new_status What it is now.
	 * @param string  $old_status What it was.
	 * @param WP_Post $post       The post.
	 */
	public function on_transition( $new_status, $old_status, $post ): void {
		if ( $new_status !== $old_status && ( 'publish' === $new_status || 'publish' === $old_status ) ) {
			$this->touch( $post, 'publish' === $old_status && '' === $post->post_password );
		}
	}

	/**
	 * A post is saved, with its terms and meta.
	 *
	 * @param int          $post_id     The post.
	 * @param WP_Post      $post        As it is.
	 * @param bool         $update      Whether it was there before.
	 * @param WP_Post|null $post_before As it was.
	 */
	public function on_saved( $post_id, $post, $update, $post_before ): void {
		if ( 'publish' === $post->post_status ) {
			$this->touch( $post, $this->event->is_public( $post_before ) );
		}
	}

	/**
	 * A post goes to the trash, or for good.
	 *
	 * @param int $post_id The post.
	 */
	public function on_leaving( $post_id ): void {
		$post = get_post( $post_id );
		if ( $post && $this->options->covers( $post->post_type ) && $this->store->post( $post_id ) ) {
			$this->touch( $post, $this->event->is_public( $post ) );
		}
	}

	/**
	 * A post got other terms.
	 *
	 * @param int $post_id The post.
	 */
	public function on_changed( $post_id ): void {
		$post = get_post( $post_id );
		if ( $this->event->is_public( $post ) ) {
			$this->touch( $post, true );
		}
	}

	/**
	 * A post got another picture, mark or note.
	 *
	 * @param int|int[] $meta_id The row.
	 * @param int       $post_id The post.
	 * @param string    $key     The meta's.
	 */
	public function on_meta( $meta_id, $post_id, $key ): void {
		if ( in_array( $key, array( '_thumbnail_id', '_crier_breaking', '_crier_correction' ), true ) ) {
			$this->on_changed( $post_id );
		}
	}

	/**
	 * Notes it, unless it is none of crier's business.
	 *
	 * @param WP_Post $post       The post.
	 * @param bool    $was_public Whether it was public before this request.
	 */
	private function touch( WP_Post $post, bool $was_public ): void {
		// Terms of a new post are set before its status is told: a later "was not public" counts.
		if ( isset( $this->touched[ $post->ID ] ) && ( $was_public || ! $this->touched[ $post->ID ] ) ) {
			return;
		}
		if ( ! $this->options->covers( $post->post_type ) || ! $this->options->ready() ) {
			return;
		}
		if ( ( defined( 'DOING_AUTOSAVE' ) && DOING_AUTOSAVE ) || ( defined( 'WP_IMPORTING' ) && WP_IMPORTING ) ) {
			return;
		}
		if ( wp_is_post_revision( $post ) || wp_is_post_autosave( $post ) ) {
			return;
		}
		ignore_user_abort( true ); // A closed browser does not stop what has begun.
		$this->touched[ $post->ID ] = $was_public;
		$this->store->touch( $post->ID, $was_public );
	}

	/**
	 * The request is over.
	 */
	public function settle_touched(): void {
		$ids           = array_keys( $this->touched );
		$this->touched = array();
		foreach ( $ids as $id ) {
			$this->settle( $id );
		}
		if ( $ids ) {
			$this->sender->send_after_response();
		}
	}

	/**
	 * Other requests that did not come so far.
	 */
	public function settle_left(): void {
		if ( $this->options->ready() ) {
			array_map( array( $this, 'settle' ), $this->store->left_dirty( time() - self::DEAD_AFTER ) );
		}
	}

	/**
	 * What is there now is what is told. Other requests may have saved the post meanwhile, so what this
	 * one remembers of it does not count.
	 *
	 * @param int $post_id The post.
	 */
	private function settle( int $post_id ): void {
		$row = $this->store->lock( $post_id );
		if ( $row ) {
			wp_cache_delete( $post_id, 'posts' );
			wp_cache_delete( $post_id, 'post_meta' );
			$post = get_post( $post_id );
			if ( $post ) {
				clean_object_term_cache( $post_id, $post->post_type );
			}
			$event = $this->event->make( $row, $post );
			if ( $event ) {
				$this->store->put( $row, $event );
			}
		}
		$this->store->unlock( $post_id );
	}
}
