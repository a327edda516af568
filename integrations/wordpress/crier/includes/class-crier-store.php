<?php
/**
 * The plugin's two tables. crier_posts has a row for each post that crier was told of: what it was
 * told last, and whether the post was touched since. crier_outbox has the events on their way; an
 * event is written here before it leaves, and is gone only when crier has it.
 *
 * A crash at any moment leaves one of these: a row of crier_posts with dirty_at, which WP-Cron settles;
 * a waiting event, which WP-Cron sends again under the same id, so crier knows it.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.DB.DirectDatabaseQuery -- our own tables: there is nothing else to ask, and a cache would lie.
// phpcs:disable WordPress.DB.PreparedSQL.InterpolatedNotPrepared -- only the names of the tables are.

/**
 * Keeps what is to be told and what was told.
 */
final class Crier_Store {

	const SCHEMA = '1';

	// States of an event. Of a post's events at most one waits: the newest state wins.
	const WAITING    = 'waiting';
	const SENT       = 'sent';
	const SUPERSEDED = 'superseded';
	const GIVEN_UP   = 'given_up';
	const DISMISSED  = 'dismissed'; // Given up, and a person has seen it.

	const KEEP_ENDED = 7 * DAY_IN_SECONDS;
	const KEEP_LOST  = 30 * DAY_IN_SECONDS;

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'init', array( $this, 'install' ), 1 );
	}

	/**
	 * The table of posts.
	 */
	private function posts(): string {
		return $GLOBALS['wpdb']->prefix . 'crier_posts';
	}

	/**
	 * The table of events.
	 */
	private function outbox(): string {
		return $GLOBALS['wpdb']->prefix . 'crier_outbox';
	}

	/**
	 * Makes the tables, on each site of a network when it is first used. Times are seconds since 1970;
	 * all texts but error and title are ASCII.
	 */
	public function install(): void {
		global $wpdb;

		if ( get_option( 'crier_schema' ) === self::SCHEMA ) {
			return;
		}
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		$charset = $wpdb->get_charset_collate();
		dbDelta(
			"CREATE TABLE {$this->posts()} (
				post_id bigint(20) unsigned NOT NULL,
				version bigint(20) unsigned NOT NULL DEFAULT 0,
				post_type varchar(20) NOT NULL DEFAULT '',
				told varchar(10) NOT NULL DEFAULT '',
				status varchar(20) NOT NULL DEFAULT 'new',
				hash char(64) NOT NULL DEFAULT '',
				url text NOT NULL,
				old_urls text NOT NULL,
				title text NOT NULL,
				correction text NOT NULL,
				article varchar(600) NOT NULL DEFAULT '',
				was_public tinyint(1) NOT NULL DEFAULT 0,
				dirty_at bigint(20) unsigned NOT NULL DEFAULT 0,
				PRIMARY KEY  (post_id),
				KEY dirty_at (dirty_at)
			) $charset;
			CREATE TABLE {$this->outbox()} (
				id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
				post_id bigint(20) unsigned NOT NULL,
				version bigint(20) unsigned NOT NULL,
				type varchar(30) NOT NULL,
				message_id varchar(40) NOT NULL,
				body longtext NOT NULL,
				first tinyint(1) NOT NULL DEFAULT 0,
				state varchar(12) NOT NULL,
				attempts int(10) unsigned NOT NULL DEFAULT 0,
				created_at bigint(20) unsigned NOT NULL,
				due_at bigint(20) unsigned NOT NULL,
				ended_at bigint(20) unsigned NOT NULL DEFAULT 0,
				error text NOT NULL,
				PRIMARY KEY  (id),
				KEY post_id (post_id,state),
				KEY state (state,due_at)
			) $charset;"
		);
		update_option( 'crier_schema', self::SCHEMA );
	}

	// ---- posts ----

	/**
	 * Notes that a post is being touched. Until it is settled, who says that it was not public before is
	 * right: others may have come too late to see it.
	 *
	 * @param int  $post_id    The post.
	 * @param bool $was_public Whether it was public before.
	 */
	public function touch( int $post_id, bool $was_public ): void {
		global $wpdb;

		$now = time();
		$wpdb->query(
			$wpdb->prepare(
				"INSERT INTO {$this->posts()} (post_id, url, old_urls, title, correction, was_public, dirty_at)
				VALUES (%d, '', '[]', '', '', %d, %d)
				ON DUPLICATE KEY UPDATE was_public = IF(dirty_at = 0, %d, LEAST(was_public, %d)), dirty_at = IF(dirty_at = 0, %d, dirty_at)",
				$post_id,
				$was_public,
				$now,
				$was_public,
				$was_public,
				$now
			)
		);
	}

	/**
	 * Posts that were touched so long ago that the request that did it cannot be alive.
	 *
	 * @param int $before Seconds since 1970.
	 * @return int[]
	 */
	public function left_dirty( int $before ): array {
		global $wpdb;

		return array_map(
			'intval',
			$wpdb->get_col( $wpdb->prepare( "SELECT post_id FROM {$this->posts()} WHERE dirty_at > 0 AND dirty_at <= %d LIMIT 100", $before ) )
		);
	}

	/**
	 * What crier was told of a post; null: nothing.
	 *
	 * @param int $post_id The post.
	 */
	public function post( int $post_id ): ?object {
		global $wpdb;

		return $wpdb->get_row( $wpdb->prepare( "SELECT * FROM {$this->posts()} WHERE post_id = %d", $post_id ) );
	}

	/**
	 * Begins a transaction in which the post's row is ours: of two requests that save the same post at
	 * the same time the second one sees what the first one has told.
	 *
	 * @param int $post_id The post.
	 */
	public function lock( int $post_id ): ?object {
		global $wpdb;

		$wpdb->query( 'START TRANSACTION' );
		return $wpdb->get_row( $wpdb->prepare( "SELECT * FROM {$this->posts()} WHERE post_id = %d FOR UPDATE", $post_id ) );
	}

	/**
	 * Ends what lock() began: the post is settled.
	 *
	 * @param int $post_id The post.
	 */
	public function unlock( int $post_id ): void {
		global $wpdb;

		$wpdb->update( $this->posts(), array( 'dirty_at' => 0 ), array( 'post_id' => $post_id ) );
		$wpdb->query( 'COMMIT' );
	}

	/**
	 * Remembers under what name crier has the article.
	 *
	 * @param int    $post_id The post.
	 * @param string $article Crier's id.
	 */
	public function set_article( int $post_id, string $article ): void {
		global $wpdb;

		$wpdb->update( $this->posts(), array( 'article' => substr( $article, 0, 600 ) ), array( 'post_id' => $post_id ) );
	}

	// ---- events ----

	/**
	 * Puts an event into the outbox, between lock() and unlock(), in place of one that still waits.
	 * When that was the first publication and never left, and now there is nothing to tell any more,
	 * both are dropped.
	 *
	 * @param object $row   What lock() gave.
	 * @param array  $event As Crier_Event makes it: type, told, hash, correction, body.
	 */
	public function put( object $row, array $event ): void {
		global $wpdb;

		$first = 'article.published' === $event['type'] && '' === $row->told;
		$last  = $wpdb->get_row(
			$wpdb->prepare(
				"SELECT type, first, state FROM {$this->outbox()} WHERE post_id = %d AND state <> 'superseded' ORDER BY id DESC LIMIT 1 FOR UPDATE",
				$row->post_id
			)
		);
		if ( $last && self::SENT !== $last->state ) {
			$first = (bool) $last->first;
			$this->supersede( (int) $row->post_id );
			if ( $first && 'public' !== $event['told'] && ! $this->has_left( (int) $row->post_id ) ) {
				$this->remember( $row, array_merge( $event, array( 'told' => '', 'hash' => '' ) ) );
				return;
			}
			if ( 'article.published' === $last->type && 'public' === $event['told'] ) {
				$event['type'] = 'article.published';

				$event['body']['data']['first_publish'] = $first;
			}
		}
		$this->remember( $row, $event );
		$this->insert( $row, $event, $first );
	}

	/**
	 * Whether anything about the post may have reached crier.
	 *
	 * @param int $post_id The post.
	 */
	private function has_left( int $post_id ): bool {
		global $wpdb;

		return (bool) $wpdb->get_var( $wpdb->prepare( "SELECT 1 FROM {$this->outbox()} WHERE post_id = %d AND attempts > 0 LIMIT 1", $post_id ) );
	}

	/**
	 * The post's events that still wait count no more.
	 *
	 * @param int $post_id The post.
	 */
	private function supersede( int $post_id ): void {
		global $wpdb;

		$wpdb->query(
			$wpdb->prepare(
				"UPDATE {$this->outbox()} SET state = 'superseded', ended_at = %d WHERE post_id = %d AND state IN ('waiting', 'given_up', 'dismissed')",
				time(),
				$post_id
			)
		);
	}

	/**
	 * Writes down what is being told.
	 *
	 * @param object $row   As it was.
	 * @param array  $event The event.
	 */
	private function remember( object $row, array $event ): void {
		global $wpdb;

		$data     = $event['body']['data'];
		$old_urls = (array) json_decode( $row->old_urls, true );
		if ( '' !== $row->url && $row->url !== $data['url'] ) {
			$old_urls = array_slice( array_values( array_unique( array_merge( array( $row->url ), $old_urls ) ) ), 0, 10 );
		}
		$wpdb->update(
			$this->posts(),
			array(
				'version'    => $data['version'],
				'post_type'  => $data['post_type'],
				'told'       => $event['told'],
				'status'     => $data['status'],
				'hash'       => $event['hash'],
				'url'        => $data['url'],
				'old_urls'   => wp_json_encode( $old_urls ),
				'title'      => $data['title'],
				'correction' => $event['correction'],
			),
			array( 'post_id' => $row->post_id )
		);
	}

	/**
	 * The row itself.
	 *
	 * @param object $row   Of the post.
	 * @param array  $event The event.
	 * @param bool   $first Whether it brings the first publication.
	 */
	private function insert( object $row, array $event, bool $first ): void {
		global $wpdb;

		$body = array( 'type' => $event['type'] ) + $event['body'];
		$wpdb->insert(
			$this->outbox(),
			array(
				'post_id'    => $row->post_id,
				'version'    => $body['data']['version'],
				'type'       => $event['type'],
				'message_id' => 'wp_' . bin2hex( random_bytes( 16 ) ),
				'body'       => wp_json_encode( $body, JSON_UNESCAPED_SLASHES ), // Plain ASCII, whatever the table's charset.
				'first'      => (int) $first,
				'state'      => self::WAITING,
				'created_at' => time(),
				'due_at'     => time(),
				'error'      => '',
			)
		);
	}

	/**
	 * Posts with an event that is due, oldest first.
	 *
	 * @param int $now Seconds since 1970.
	 * @return int[]
	 */
	public function due( int $now ): array {
		global $wpdb;

		return array_map(
			'intval',
			$wpdb->get_col( $wpdb->prepare( "SELECT post_id FROM {$this->outbox()} WHERE state = 'waiting' AND due_at <= %d ORDER BY id LIMIT 50", $now ) )
		);
	}

	/**
	 * The post's waiting event, if it is due, with this attempt counted; null: there is none any more.
	 *
	 * @param int $post_id The post.
	 * @param int $now     Seconds since 1970.
	 */
	public function take( int $post_id, int $now ): ?object {
		global $wpdb;

		$row = $wpdb->get_row(
			$wpdb->prepare( "SELECT * FROM {$this->outbox()} WHERE post_id = %d AND state = 'waiting' AND due_at <= %d ORDER BY id DESC LIMIT 1", $post_id, $now )
		);
		// From here on it may have arrived, whatever becomes of this process.
		if ( ! $row || ! $wpdb->query( $wpdb->prepare( "UPDATE {$this->outbox()} SET attempts = attempts + 1 WHERE id = %d AND state = 'waiting'", $row->id ) ) ) {
			return null;
		}
		++$row->attempts;
		return $row;
	}

	/**
	 * Crier has it.
	 *
	 * @param int $id The event.
	 */
	public function sent( int $id ): void {
		global $wpdb;

		$wpdb->query( $wpdb->prepare( "UPDATE {$this->outbox()} SET state = 'sent', ended_at = %d, error = '' WHERE id = %d AND state = 'waiting'", time(), $id ) );
	}

	/**
	 * Crier does not have it.
	 *
	 * @param int    $id     The event.
	 * @param string $error  For people.
	 * @param int    $due_at When to try again.
	 */
	public function failed( int $id, string $error, int $due_at ): void {
		global $wpdb;

		$wpdb->query(
			$wpdb->prepare( "UPDATE {$this->outbox()} SET error = %s, due_at = %d WHERE id = %d AND state = 'waiting'", mb_substr( $error, 0, 500 ), $due_at, $id )
		);
	}

	/**
	 * Events that waited too long are given up.
	 *
	 * @param int $before Seconds since 1970.
	 */
	public function give_up( int $before ): void {
		global $wpdb;

		// Without its hash a post is told again when it is saved again.
		$wpdb->query(
			$wpdb->prepare(
				"UPDATE {$this->outbox()} o JOIN {$this->posts()} p ON p.post_id = o.post_id
				SET o.state = 'given_up', o.ended_at = %d, p.hash = '' WHERE o.state = 'waiting' AND o.created_at <= %d",
				time(),
				$before
			)
		);
	}

	/**
	 * The newest event of a post that matters to an editor; null: there is none.
	 *
	 * @param int $post_id The post.
	 */
	public function newest( int $post_id ): ?object {
		global $wpdb;

		return $wpdb->get_row(
			$wpdb->prepare(
				"SELECT id, type, state, attempts, created_at, due_at, ended_at, error FROM {$this->outbox()}
				WHERE post_id = %d AND state <> 'superseded' ORDER BY id DESC LIMIT 1",
				$post_id
			)
		);
	}

	/**
	 * Events that a person should know about: given up, or waiting after a failure.
	 *
	 * @return object[]
	 */
	public function troubled(): array {
		global $wpdb;

		return $wpdb->get_results(
			"SELECT o.id, o.post_id, o.type, o.state, o.attempts, o.created_at, o.error, p.title
			FROM {$this->outbox()} o JOIN {$this->posts()} p ON p.post_id = o.post_id
			WHERE o.state = 'given_up' OR (o.state = 'waiting' AND o.error <> '') ORDER BY o.id DESC LIMIT 20"
		);
	}

	/**
	 * A person wants them tried again: what was given up waits again, what waits is due.
	 */
	public function revive(): void {
		global $wpdb;

		$wpdb->query(
			$wpdb->prepare( "UPDATE {$this->outbox()} SET state = 'waiting', created_at = %d, due_at = %d WHERE state IN ('given_up', 'waiting')", time(), time() )
		);
	}

	/**
	 * A person has seen what was given up.
	 */
	public function dismiss(): void {
		global $wpdb;

		$wpdb->query( "UPDATE {$this->outbox()} SET state = 'dismissed' WHERE state = 'given_up'" );
	}

	/**
	 * Removes what nobody needs any more.
	 */
	public function sweep(): void {
		global $wpdb;

		$wpdb->query( $wpdb->prepare( "DELETE FROM {$this->outbox()} WHERE state IN ('sent', 'superseded') AND ended_at < %d LIMIT 1000", time() - self::KEEP_ENDED ) );
		$wpdb->query( $wpdb->prepare( "DELETE FROM {$this->outbox()} WHERE state IN ('given_up', 'dismissed') AND ended_at < %d LIMIT 1000", time() - self::KEEP_LOST ) );
		$wpdb->query(
			"DELETE FROM {$this->posts()} WHERE told = 'deleted' AND dirty_at = 0
			AND NOT EXISTS (SELECT 1 FROM {$this->outbox()} o WHERE o.post_id = {$this->posts()}.post_id) LIMIT 1000"
		);
	}

	// ---- one sender at a time ----

	/**
	 * For each post one process sends at a time, which keeps the order. The database drops the
	 * lock when the process dies.
	 *
	 * @param int $post_id The post.
	 * @param int $seconds Wait so long at most.
	 */
	public function hold( int $post_id, int $seconds ): bool {
		global $wpdb;

		return '0' !== $wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, %d)', $this->lock_name( $post_id ), $seconds ) );
	}

	/**
	 * Lets others send it.
	 *
	 * @param int $post_id The post.
	 */
	public function release( int $post_id ): void {
		global $wpdb;

		$wpdb->query( $wpdb->prepare( 'DO RELEASE_LOCK(%s)', $this->lock_name( $post_id ) ) );
	}

	/**
	 * The lock's name: at most 64 characters, and the server's databases share one set of them.
	 *
	 * @param int $post_id The post.
	 */
	private function lock_name( int $post_id ): string {
		return 'crier_' . substr( md5( DB_NAME . $this->outbox() ), 0, 12 ) . '_' . $post_id;
	}
}
