<?php
/**
 * What people must see on any page of the administration: that the plugin is not set up, and that
 * crier did not get something. (In the block editor, which hides notices, panel.js says it.)
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * Notices.
 */
final class Crier_Notices {

	const ACTION = 'crier_outbox';

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
	 * Sends.
	 *
	 * @var Crier_Sender
	 */
	private $sender;

	/**
	 * Needs the other parts.
	 *
	 * @param Crier_Options $options The settings.
	 * @param Crier_Store   $store   The outbox.
	 * @param Crier_Sender  $sender  Sends.
	 */
	public function __construct( Crier_Options $options, Crier_Store $store, Crier_Sender $sender ) {
		$this->options = $options;
		$this->store   = $store;
		$this->sender  = $sender;
	}

	/**
	 * Ties it to WordPress.
	 */
	public function hook(): void {
		add_action( 'admin_notices', array( $this, 'show' ) );
		add_action( 'admin_post_' . self::ACTION, array( $this, 'act' ) );
	}

	/**
	 * Whoever may change what others have written is told what did not arrive.
	 */
	public function show(): void {
		if ( ! $this->options->ready() ) {
			if ( current_user_can( 'manage_options' ) ) {
				printf(
					'<div class="notice notice-warning"><p>%s <a href="%s">%s</a></p></div>',
					esc_html__( 'crier is told nothing yet: its address, the source name and the secret are needed.', 'crier' ),
					esc_url( Crier_Settings::address() ),
					esc_html__( 'Settings', 'crier' )
				);
			}
			return;
		}
		if ( current_user_can( 'edit_others_posts' ) ) {
			$this->show_troubled( $this->store->troubled() );
		}
	}

	/**
	 * What did not arrive.
	 *
	 * @param object[] $events Rows of the outbox, with titles.
	 */
	private function show_troubled( array $events ): void {
		if ( ! $events ) {
			return;
		}
		$lost = array_filter( array_column( $events, 'state' ), static function ( $state ) {
			return Crier_Store::GIVEN_UP === $state;
		} );
		printf(
			'<div class="notice notice-%s crier-outbox"><p><strong>%s</strong> %s</p><ul>',
			$lost ? 'error' : 'warning',
			esc_html__( 'crier did not get this yet:', 'crier' ),
			esc_html( $events[0]->error )
		);
		foreach ( array_slice( $events, 0, 5 ) as $event ) {
			printf( '<li>%s</li>', wp_kses_post( $this->line( $event ) ) );
		}
		if ( count( $events ) > 5 ) {
			echo '<li>…</li>';
		}
		echo '</ul><p>';
		$this->button( 'retry', __( 'Try again now', 'crier' ) );
		if ( $lost ) {
			echo ' ';
			$this->button( 'dismiss', __( 'Dismiss', 'crier' ) );
		}
		echo '</p></div>';
	}

	/**
	 * One of them.
	 *
	 * @param object $event A row of the outbox, with its title.
	 */
	private function line( object $event ): string {
		$link  = (string) get_edit_post_link( (int) $event->post_id );
		$title = esc_html( '' === $event->title ? '#' . $event->post_id : $event->title );
		$title = '' === $link ? $title : sprintf( '<a href="%s">%s</a>', esc_url( $link ), $title );
		if ( Crier_Store::GIVEN_UP === $event->state ) {
			/* translators: 1: title, 2: number. */
			return sprintf( __( '%1$s – given up after %2$d attempts', 'crier' ), $title, $event->attempts );
		}
		/* translators: 1: title, 2: a time such as "5 mins", 3: number. */
		return sprintf( __( '%1$s – waits for %2$s, tried %3$d times', 'crier' ), $title, human_time_diff( (int) $event->created_at ), $event->attempts );
	}

	/**
	 * A link that does something.
	 *
	 * @param string $what  It does.
	 * @param string $label On it.
	 */
	private function button( string $what, string $label ): void {
		$address = add_query_arg(
			array(
				'action' => self::ACTION,
				'what'   => $what,
			),
			admin_url( 'admin-post.php' )
		);
		printf( '<a class="button" href="%s">%s</a>', esc_url( wp_nonce_url( $address, self::ACTION ) ), esc_html( $label ) );
	}

	/**
	 * A button was pressed.
	 */
	public function act(): void {
		if ( ! current_user_can( 'edit_others_posts' ) ) {
			wp_die( esc_html__( 'You are not allowed to do this.', 'crier' ), '', array( 'response' => 403 ) );
		}
		check_admin_referer( self::ACTION );
		$what = isset( $_GET['what'] ) ? sanitize_key( wp_unslash( $_GET['what'] ) ) : '';
		if ( 'retry' === $what ) {
			$this->sender->send_now();
		} elseif ( 'dismiss' === $what ) {
			$this->store->dismiss();
		}
		$back = wp_get_referer();
		wp_safe_redirect( $back ? $back : admin_url() );
		exit;
	}
}
