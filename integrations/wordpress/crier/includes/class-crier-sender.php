<?php
/**
 * Takes events from the outbox to crier: when the request that made them has answered its browser,
 * then each minute by WP-Cron, and whenever an editor looks at the panel, until crier has them or a
 * day has passed. An attempt that fails puts the next one off: 5 s, 10 s, … 15 min, or as long as crier
 * asks.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Sends.
 */
final class Crier_Sender {

	const TIMEOUT      = 3; // Seconds for one request; crier answers in less than half a one.
	const CRON_TIMEOUT = 10;
	const CRON_BUDGET  = 40; // Seconds in one run.
	const WAIT_FIRST   = 5;
	const WAIT_MAX     = 15 * MINUTE_IN_SECONDS;
	const GIVE_UP      = DAY_IN_SECONDS;

	/**
	 * The settings.
	 *
	 * @var Crier_Options
	 */
	private $options;

	/**
	 * The outbox.
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
	 * Whether this request sends at its end.
	 *
	 * @var bool
	 */
	private $wanted = false;

	/**
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Store   $store   The outbox.
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
		add_filter( 'cron_schedules', array( $this, 'add_schedule' ) ); // phpcs:ignore WordPress.WP.CronInterval -- a minute: news.
		add_action( 'init', array( $this, 'schedule' ) );
		add_action( 'crier_tend', array( $this, 'tend' ) );
		// After everybody else: the browser's connection is closed here.
		add_action( 'shutdown', array( $this, 'at_shutdown' ), PHP_INT_MAX );
	}

	/**
	 * Each minute.
	 *
	 * @param array $schedules WordPress' own.
	 */
	public function add_schedule( $schedules ): array {
		$schedules['crier_minute'] = array(
			'interval' => MINUTE_IN_SECONDS,
			'display'  => __( 'Every minute (crier)', 'crier' ),
		);
		return $schedules;
	}

	/**
	 * Sees to it that WP-Cron comes by.
	 */
	public function schedule(): void {
		if ( ! wp_next_scheduled( 'crier_tend' ) ) {
			wp_schedule_event( time(), 'crier_minute', 'crier_tend' );
		}
	}

	/**
	 * The plugin is switched off.
	 */
	public static function unschedule(): void {
		wp_clear_scheduled_hook( 'crier_tend' );
	}

	/**
	 * WP-Cron comes by.
	 */
	public function tend(): void {
		/**
		 * Filters after how many seconds an event is given up.
		 *
		 * @param int $seconds A day.
		 */
		$this->store->give_up( time() - (int) apply_filters( 'crier_give_up_after', self::GIVE_UP ) );
		$this->send( self::CRON_BUDGET, self::CRON_TIMEOUT );
		$this->store->sweep();
	}

	/**
	 * Sends what is due when this request has answered.
	 */
	public function send_after_response(): void {
		$this->wanted = true;
	}

	/**
	 * The request has answered: let the browser go where PHP can, then send.
	 */
	public function at_shutdown(): void {
		if ( ! $this->wanted ) {
			return;
		}
		$this->wanted = false;
		if ( function_exists( 'fastcgi_finish_request' ) ) {
			fastcgi_finish_request();
		} elseif ( function_exists( 'litespeed_finish_request' ) ) {
			litespeed_finish_request();
		}
		$this->send( self::TIMEOUT, self::TIMEOUT );
	}

	/**
	 * Sends what is due, until there is no more, crier is in trouble, or the time is up.
	 *
	 * @param int $budget  Begin nothing after so many seconds.
	 * @param int $timeout Seconds for one request.
	 */
	public function send( int $budget, int $timeout ): void {
		$until = microtime( true ) + $budget;
		if ( ! $this->options->ready() || time() < $this->quiet_until() ) {
			return;
		}
		foreach ( $this->store->due( time() ) as $post_id ) {
			if ( microtime( true ) >= $until || ! $this->send_post( $post_id, $timeout ) ) {
				break;
			}
		}
	}

	/**
	 * Sends the post's event, and what came in its place meanwhile. False: crier is in trouble.
	 *
	 * @param int $post_id The post.
	 * @param int $timeout Seconds for one request.
	 */
	private function send_post( int $post_id, int $timeout ): bool {
		if ( ! $this->store->hold( $post_id, $timeout + 1 ) ) {
			return true; // Another process is at it, and takes longer than it may.
		}
		do {
			$event  = $this->store->take( $post_id, time() );
			$answer = $event ? $this->client->tell( $event->message_id, $event->body, $timeout ) : null;
			$going  = $event && $this->conclude( $event, $answer );
		} while ( $going );
		$this->store->release( $post_id );
		return ! $answer || ( $answer['status'] >= 200 && $answer['status'] < 500 && 429 !== $answer['status'] );
	}

	/**
	 * Writes down what became of an attempt. False: it failed.
	 *
	 * @param object $event  A row of the outbox.
	 * @param array  $answer Crier's.
	 */
	private function conclude( object $event, array $answer ): bool {
		if ( '' === $answer['error'] ) {
			$this->store->sent( (int) $event->id );
			if ( is_string( $answer['json']['id'] ?? null ) ) {
				$this->store->set_article( (int) $event->post_id, $answer['json']['id'] );
			}
			return true;
		}
		$wait = (int) min( self::WAIT_MAX, self::WAIT_FIRST * 2 ** min( 20, $event->attempts - 1 ) );
		if ( $answer['retry_after'] ) {
			$wait = max( $wait, $answer['retry_after'] );
			update_option( 'crier_quiet_until', time() + $answer['retry_after'], false );
		}
		$this->store->failed( (int) $event->id, $answer['error'], time() + $wait );
		return false;
	}

	/**
	 * Crier has asked to be left alone until then; seconds since 1970.
	 */
	private function quiet_until(): int {
		return (int) get_option( 'crier_quiet_until', 0 );
	}

	/**
	 * A person wants it now, whatever crier asked for.
	 */
	public function send_now(): void {
		delete_option( 'crier_quiet_until' );
		$this->store->revive();
		$this->send( self::TIMEOUT, self::TIMEOUT );
	}
}
